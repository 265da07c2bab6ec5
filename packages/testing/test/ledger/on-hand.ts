import { listStock } from '@inventoryrpa/ledger'
import { readAll } from './read-all.ts'
import type { TestLedger } from './test-ledger.ts'

/** Every level of a tenant as "SKU/location". */
export const onHandOf = async ({ db }: TestLedger, tenantId: number) => {
  const { items } = await readAll((cursor) => listStock(db, tenantId, { limit: 1_000, cursor }))
  return Object.fromEntries(
    items.map(({ sku, location, onHand }) => [`${sku}/${location}`, onHand]),
  )
}

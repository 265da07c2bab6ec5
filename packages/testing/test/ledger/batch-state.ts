import { findBatch, listLineOutcomes } from '@inventoryrpa/ledger'
import { expect } from 'vitest'
import { readAll } from './read-all.ts'
import type { TestLedger } from './test-ledger.ts'

/**
 * A batch's state and counts. Expects that they add up, that they are what the list of its lines says,
 * and that the tenant's levels are the sums of their movements.
 */
export const batchState = async ({ db, admin }: TestLedger, tenantId: number, id: string) => {
  const batch = await findBatch(db, tenantId, id)
  if (!batch) throw new Error(`there is no batch ${id}`)
  const { state, counts } = batch
  const { items } = await readAll((cursor) => listLineOutcomes(db, id, { limit: 1_000, cursor }))
  const listed = Object.groupBy(items, (line) => line.outcome)
  const { total, pending, ...ended } = counts
  for (const [outcome, lines] of Object.entries(ended)) {
    expect(listed[outcome as keyof typeof listed]?.length ?? 0, outcome).toBe(lines)
  }
  expect(total - items.length).toBe(pending)
  expect(state === 'completed').toBe(pending === 0)
  const { rows: unbalanced } = await admin.query(
    `select l.sku, l.location from stock_levels l left join movements m using (tenant_id, sku, location)
     where l.tenant_id = $1 group by l.tenant_id, l.sku, l.location
     having l.on_hand <> coalesce(sum(m.quantity), 0) or l.version <> count(m.line)`,
    [tenantId],
  )
  expect(unbalanced).toEqual([])
  return { state, ...counts }
}

import type { StockLevel } from '@inventoryrpa/contracts'
import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { decimal } from './movements.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'

/** Stock levels in the order of SKU, then location. */
export const listStock = async (
  db: LedgerDatabase,
  tenantId: number,
  {
    sku,
    location,
    limit,
    cursor,
  }: PageRequest & { sku?: string | undefined; location?: string | undefined },
): Promise<Page<StockLevel>> => {
  const after = readCursor(cursor, ['text', 'text'])
  let query = db
    .selectFrom('stock_levels')
    .select(['sku', 'location', 'on_hand', 'version', 'updated_at'])
    .where('tenant_id', '=', tenantId)
    .orderBy('sku')
    .orderBy('location')
    .limit(limit + 1)
  if (sku !== undefined) query = query.where('sku', '=', sku)
  if (location !== undefined) query = query.where('location', '=', location)
  if (after) query = query.where(sql<boolean>`(sku, location) > (${after[0]}, ${after[1]})`)
  const rows = await query.execute()
  const levels = rows.map((row) => ({
    sku: row.sku,
    location: row.location,
    onHand: decimal(row.on_hand),
    version: row.version,
    updatedAt: row.updated_at.toISOString(),
  }))
  return pageFrom(levels, limit, (last) => cursorOf([last.sku, last.location]))
}

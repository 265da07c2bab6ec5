import type { Discrepancy } from '@inventoryrpa/contracts'
import { type Selectable, sql, type UpdateObject } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { decimal } from './movements.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'

type Row = Selectable<Schema['discrepancies']>

export type DiscrepancyFilter = {
  open?: boolean | undefined
  kind?: 'count' | 'source' | undefined
  sku?: string | undefined
}

/** Oldest first. */
export const listDiscrepancies = async (
  db: LedgerDatabase,
  tenantId: number,
  { limit, cursor, open, kind, sku }: PageRequest & DiscrepancyFilter,
): Promise<Page<Discrepancy>> => {
  const after = readCursor(cursor, ['uuid'])
  let query = db
    .selectFrom('discrepancies')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('id')
    .limit(limit + 1)
  if (open !== undefined) query = query.where('resolved_at', open ? 'is' : 'is not', null)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (sku !== undefined) query = query.where('sku', '=', sku)
  if (after) query = query.where('id', '>', String(after[0]))
  const rows = await query.execute()
  return pageFrom(rows.map(toDiscrepancy), limit, (last) => cursorOf([last.id]))
}

/** @returns the discrepancy as it is now; undefined when there is none that is open */
export const acknowledgeDiscrepancy = (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
  owner: string,
): Promise<Discrepancy | undefined> =>
  updateOpen(db, tenantId, id, {
    owner,
    acknowledged_at: sql<Date>`coalesce(acknowledged_at, now())`,
  })

/** @returns the discrepancy as it is now; undefined when there is none that is open */
export const resolveDiscrepancy = (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
  { resolution, recountBatchId }: { resolution: string; recountBatchId?: string | undefined },
): Promise<Discrepancy | undefined> =>
  updateOpen(db, tenantId, id, {
    resolution,
    resolved_at: sql<Date>`now()`,
    recount_batch_id: recountBatchId ?? null,
  })

const updateOpen = async (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
  change: UpdateObject<Schema, 'discrepancies'>,
): Promise<Discrepancy | undefined> => {
  const row = await db
    .updateTable('discrepancies')
    .set(change)
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .where('resolved_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return row && toDiscrepancy(row)
}

export const findOpenDiscrepancy = async (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
): Promise<Discrepancy | undefined> => {
  const row = await db
    .selectFrom('discrepancies')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .where('resolved_at', 'is', null)
    .executeTakeFirst()
  return row && toDiscrepancy(row)
}

const toDiscrepancy = (row: Row): Discrepancy => ({
  id: row.id,
  kind: row.kind,
  sku: row.sku,
  location: row.location,
  expected: decimal(row.expected),
  found: decimal(row.found),
  source:
    row.source === null || row.as_of === null
      ? null
      : { name: row.source, asOf: row.as_of.toISOString(), failedOverBecause: row.failover_code },
  batchId: row.batch_id,
  line: row.line,
  ageSeconds: Math.round(
    ((row.resolved_at ?? new Date()).getTime() - row.opened_at.getTime()) / 1_000,
  ),
  openedAt: row.opened_at.toISOString(),
  owner: row.owner,
  acknowledgedAt: row.acknowledged_at?.toISOString() ?? null,
  recounts: row.recounts,
  resolvedAt: row.resolved_at?.toISOString() ?? null,
  resolution: row.resolution,
  recountBatchId: row.recount_batch_id,
})

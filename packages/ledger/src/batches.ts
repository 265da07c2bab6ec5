import type { Batch } from '@inventoryrpa/contracts'
import { type Selectable, sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'

export type BatchRow = Selectable<Schema['batches']>

export const batchColumns = sql`
  id, tenant_id, reference, mode, negative_stock, verify, priority, not_before, state, total, pending,
  applied, rejected, held, dead, cancelled, created_at, completed_at`

export const toBatch = (row: BatchRow): Batch => ({
  id: row.id,
  reference: row.reference,
  mode: row.mode,
  negativeStock: row.negative_stock,
  priority: row.priority,
  notBefore: row.not_before?.toISOString() ?? null,
  state: row.state,
  counts: {
    total: row.total,
    pending: row.pending,
    applied: row.applied,
    rejected: row.rejected,
    held: row.held,
    dead: row.dead,
    cancelled: row.cancelled,
  },
  createdAt: row.created_at.toISOString(),
  completedAt: row.completed_at?.toISOString() ?? null,
})

/** The batch as it was answered when it was accepted, whatever became of it since. */
export const toAcceptedBatch = (row: BatchRow): Batch => ({
  ...toBatch(row),
  state: 'accepted',
  counts: {
    total: row.total,
    pending: row.total,
    applied: 0,
    rejected: 0,
    held: 0,
    dead: 0,
    cancelled: 0,
  },
  completedAt: null,
})

/** Another tenant's batch is as absent as one that never was. */
export const findBatch = async (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
): Promise<Batch | undefined> => {
  const row = await db
    .selectFrom('batches')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return row && toBatch(row)
}

/** Newest first. */
export const listBatches = async (
  db: LedgerDatabase,
  tenantId: number,
  { state, limit, cursor }: PageRequest & { state?: Batch['state'] | undefined },
): Promise<Page<Batch>> => {
  const after = readCursor(cursor, ['uuid'])
  let query = db
    .selectFrom('batches')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (state === 'completed') query = query.where('completed_at', 'is not', null)
  else if (state) query = query.where('completed_at', 'is', null).where('state', '=', state)
  if (after) query = query.where('id', '<', String(after[0]))
  return pageFrom((await query.execute()).map(toBatch), limit, (last) => cursorOf([last.id]))
}

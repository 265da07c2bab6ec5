import type { Batch } from '@inventoryrpa/contracts'
import { type Selectable, sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'

export type BatchRow = Selectable<Schema['batches']>

export const batchColumns = sql`
  id, tenant_id, reference, mode, negative_stock, verify, priority, not_before, state, total, pending,
  applied, rejected, held, dead, cancelled, created_at, completed_at, submitted_by, callback_url,
  on_conflict, plan_sha256, guard_findings, decision, decided_by, decided_at, cancelled_at, reverses_id,
  invalid_lines`

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
  planHash: row.plan_sha256?.toString('hex') ?? null,
  guardFindings: row.guard_findings,
  decision:
    row.decision === null
      ? null
      : {
          decision: row.decision,
          by: row.decided_by ?? '',
          at: (row.decided_at as Date).toISOString(),
        },
  cancelRequestedAt: row.cancelled_at?.toISOString() ?? null,
  reverses: row.reverses_id,
  submittedBy: row.submitted_by,
  createdAt: row.created_at.toISOString(),
  completedAt: row.completed_at?.toISOString() ?? null,
})

/** The batch as it was answered when it was accepted, whatever became of it since. */
export const toAcceptedBatch = (row: BatchRow): Batch => ({
  ...toBatch(row),
  state: row.invalid_lines === row.total ? 'completed' : 'accepted',
  counts: {
    total: row.total,
    pending: row.total - row.invalid_lines,
    applied: 0,
    rejected: row.invalid_lines,
    held: 0,
    dead: 0,
    cancelled: 0,
  },
  planHash: null,
  guardFindings: null,
  decision: null,
  cancelRequestedAt: null,
  completedAt: row.invalid_lines === row.total ? (row.completed_at?.toISOString() ?? null) : null,
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
  {
    state,
    reference,
    limit,
    cursor,
  }: PageRequest & { state?: Batch['state'] | undefined; reference?: string | undefined },
): Promise<Page<Batch>> => {
  const after = readCursor(cursor, ['uuid'])
  let query = db
    .selectFrom('batches')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (state) query = query.where('state', '=', state)
  if (reference !== undefined) query = query.where('reference', '=', reference)
  if (after) query = query.where('id', '<', String(after[0]))
  return pageFrom((await query.execute()).map(toBatch), limit, (last) => cursorOf([last.id]))
}

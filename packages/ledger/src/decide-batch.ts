import type { Batch, OnConflict } from '@inventoryrpa/contracts'
import { sql, type Transaction } from 'kysely'
import { type BatchRow, batchColumns, toBatch } from './batches.ts'
import type { LedgerDatabase } from './database.ts'
import { park, type Released, readPlan, release } from './finish-plan.ts'
import type { Schema } from './schema.ts'

type BatchKey = { tenantId: number; batchId: string }

export type PlanApplied =
  /** Its chunks are for the queue to run; none while it awaits approval. */
  | { outcome: 'applied'; batch: Batch; chunks: Released }
  | { outcome: 'unknown' }
  | { outcome: 'wrong-state'; state: Batch['state'] }
  /** The plan is not the one that was looked at. */
  | { outcome: 'mismatch' }

export type Decided =
  | { outcome: 'decided'; batch: Batch; chunks: Released }
  | { outcome: 'unknown' }
  | { outcome: 'wrong-state'; state: Batch['state'] }
  /** Who sent a batch does not decide on it. */
  | { outcome: 'own' }

/** @returns the batch under this transaction's lock, if it is the tenant's */
export const lockBatch = async (
  trx: Transaction<Schema>,
  { tenantId, batchId }: BatchKey,
): Promise<BatchRow | undefined> => {
  const { rows } = await sql<BatchRow>`
    select ${batchColumns} from batches where id = ${batchId} and tenant_id = ${tenantId}
    for no key update
  `.execute(trx)
  return rows[0]
}

const readBatch = async (trx: Transaction<Schema>, key: BatchKey): Promise<Batch> =>
  toBatch((await lockBatch(trx, key)) as BatchRow)

/** Applies a preview, unless its plan is another by now; one that exceeds a limit awaits approval first. */
export const applyPlan = async (
  db: LedgerDatabase,
  key: BatchKey,
  { planHash, onConflict }: { planHash: string; onConflict: OnConflict },
): Promise<PlanApplied> =>
  db.transaction().execute(async (trx) => {
    const row = await lockBatch(trx, key)
    if (!row) return { outcome: 'unknown' }
    if (row.state !== 'previewed' || row.cancelled_at) {
      return { outcome: 'wrong-state', state: row.state }
    }
    const plan = await readPlan(trx, row.id)
    // Lines that were dead are being planned again.
    if (!plan?.sha256) return { outcome: 'wrong-state', state: 'processing' }
    if (row.plan_sha256?.toString('hex') !== planHash) return { outcome: 'mismatch' }
    if (plan.findings.length === 0) {
      const chunks = await release(trx, row.id, { onConflict })
      return { outcome: 'applied', batch: await readBatch(trx, key), chunks }
    }
    const parked = await park(trx, row.id, {
      state: 'awaiting_approval',
      findings: plan.findings,
      sha256: row.plan_sha256,
      onConflict,
    })
    return { outcome: 'applied', batch: toBatch(parked), chunks: [] }
  })

/**
 * Approves a batch that awaits it, or calls it off.
 * @param by the id of the key that decides
 */
export const decideBatch = async (
  db: LedgerDatabase,
  key: BatchKey,
  {
    decision,
    by,
    onConflict,
  }: { decision: 'approve' | 'reject'; by: string; onConflict: OnConflict },
): Promise<Decided> =>
  db.transaction().execute(async (trx) => {
    const row = await lockBatch(trx, key)
    if (!row) return { outcome: 'unknown' }
    if (row.submitted_by === by) return { outcome: 'own' }
    if (row.state !== 'awaiting_approval' || row.cancelled_at) {
      return { outcome: 'wrong-state', state: row.state }
    }
    await trx
      .updateTable('batches')
      .set({
        decision,
        decided_by: by,
        decided_at: sql<Date>`now()`,
        ...(decision === 'reject' && { cancelled_at: sql<Date>`now()` }),
      })
      .where('id', '=', row.id)
      .execute()
    const chunks =
      decision === 'reject'
        ? []
        : await release(trx, row.id, { onConflict: row.on_conflict ?? onConflict })
    return { outcome: 'decided', batch: await readBatch(trx, key), chunks }
  })

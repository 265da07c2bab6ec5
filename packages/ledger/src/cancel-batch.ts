import type { Batch } from '@inventoryrpa/contracts'
import { sql, type Transaction } from 'kysely'
import { moveCounts } from './batch-counts.ts'
import { type BatchRow, toBatch } from './batches.ts'
import { type ChunkRef, chunkKeys, type LockedChunk, lockFreeChunks } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { forgetDeadLines } from './dead-chunks.ts'
import { lockBatch } from './decide-batch.ts'
import { outcomeRow, saveOutcomes } from './line-outcomes.ts'
import type { Schema } from './schema.ts'
import { readNumbered } from './stored-lines.ts'

export type CancelRequested =
  | { outcome: 'requested'; batch: Batch }
  | { outcome: 'unknown' }
  /** Nothing of it is pending or held. */
  | { outcome: 'wrong-state'; state: Batch['state'] }

/** Chunks of one transaction. */
const pageSize = 20

/**
 * Has a batch called off: from this commit on no transaction applies a line of it, also of those that are
 * under way. Its lines get their outcome by cancelChunks. Asked for again, it says the same.
 */
export const requestCancel = async (
  db: LedgerDatabase,
  key: { tenantId: number; batchId: string },
): Promise<CancelRequested> =>
  db.transaction().execute(async (trx) => {
    const row = await lockBatch(trx, key)
    if (!row) return { outcome: 'unknown' }
    if (row.pending === 0 && row.held === 0 && !row.cancelled_at) {
      return { outcome: 'wrong-state', state: row.state }
    }
    await trx
      .updateTable('batches')
      .set({ cancelled_at: sql<Date>`coalesce(cancelled_at, now())` })
      .where('id', '=', row.id)
      .execute()
    return { outcome: 'requested', batch: toBatch((await lockBatch(trx, key)) as BatchRow) }
  })

/**
 * Gives lines of a cancelled batch their outcome, a page of chunks at a time. What a transaction has in
 * hand is left to it: it will find that it may not commit.
 * @returns how many lines; 0 when none is free
 */
export const cancelChunks = async (db: LedgerDatabase, batchId: string): Promise<number> =>
  db.transaction().execute(async (trx) => {
    const chunks = await lockFreeChunks(trx, batchId, pageSize)
    return await cancelLocked(trx, chunks)
  })

/** Batches that were called off and have lines left without an outcome. */
export const listBeingCancelled = async (db: LedgerDatabase): Promise<string[]> => {
  const rows = await db
    .selectFrom('batches')
    .select('id')
    .where('cancelled_at', 'is not', null)
    .where('completed_at', 'is', null)
    .orderBy('id')
    .limit(100)
    .execute()
  return rows.map((row) => row.id)
}

const detail = 'its batch was cancelled'

export const cancelLocked = async (
  trx: Transaction<Schema>,
  chunks: readonly LockedChunk[],
): Promise<number> => {
  const [first] = chunks
  if (!first) return 0
  const open = chunks.filter((chunk) => !chunk.settled)
  const held = chunks.filter((chunk) => chunk.settled)
  await forgetDeadLines(
    trx,
    open.filter((chunk) => chunk.dead),
  )
  await saveOutcomes(
    trx,
    open.flatMap((chunk) =>
      readNumbered(chunk.stored).map((line) => ({
        ...outcomeRow(chunk, line),
        outcome: 'cancelled' as const,
        code: 'cancelled',
        detail,
      })),
    ),
  )
  const released = held.length === 0 ? 0 : await cancelHeldLines(trx, held)
  await sql`
    update chunks c set settled_at = coalesce(settled_at, now()), dead_at = null, error = null,
      error_code = null, fingerprint = null, held = 0, not_before = null
    from ${chunkKeys(chunks)} v(batch_id, chunk)
    where c.batch_id = v.batch_id and c.chunk = v.chunk
  `.execute(trx)
  const linesOf = (dead: boolean) =>
    open.filter((chunk) => chunk.dead === dead).reduce((sum, chunk) => sum + chunk.lineCount, 0)
  const [pending, dead] = [linesOf(false), linesOf(true)]
  const cancelled = pending + dead + released
  await moveCounts(trx, [
    { batchId: first.batchId, pending: -pending, dead: -dead, held: -released, cancelled },
  ])
  return cancelled
}

const cancelHeldLines = async (trx: Transaction<Schema>, chunks: readonly ChunkRef[]) => {
  const { numAffectedRows } = await sql`
    update line_outcomes set outcome = 'cancelled', code = 'cancelled', detail = ${detail}
    where outcome = 'held' and (batch_id, chunk) in (select * from ${chunkKeys(chunks)})
  `.execute(trx)
  return Number(numAffectedRows ?? 0)
}

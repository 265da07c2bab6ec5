import { sql, type Transaction } from 'kysely'
import { moveCounts } from './batch-counts.ts'
import { type ChunkRef, lockChunk } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { outcomeRow, saveOutcomes } from './line-outcomes.ts'
import type { Schema } from './schema.ts'

/** Whether this call made the chunk dead; no if another already did, or it was settled meanwhile. */
export const markChunkDead = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  { code, message }: { code: string; message: string },
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const chunk = await lockChunk(trx, ref)
    if (!chunk || chunk.settled || chunk.dead) return false
    // PostgreSQL keeps no NUL, and an error's message may quote anything.
    const detail = message.replaceAll('\u0000', '\ufffd')
    const deadRows = chunk.lines.map((line) => ({
      ...outcomeRow(chunk, line),
      outcome: 'dead' as const,
      code,
      detail,
    }))
    await saveOutcomes(trx, deadRows)
    await trx
      .updateTable('chunks')
      .set({ dead_at: sql<Date>`now()`, error: detail })
      .where('batch_id', '=', ref.batchId)
      .where('chunk', '=', ref.chunk)
      .execute()
    const dead = chunk.lines.length
    await moveCounts(trx, [{ batchId: ref.batchId, pending: -dead, dead }])
    return true
  })

/** What was said of their lines no longer holds. */
export const forgetDeadLines = async (
  trx: Transaction<Schema>,
  chunks: readonly ChunkRef[],
): Promise<void> => {
  for (const { batchId, chunk } of chunks) {
    await trx
      .deleteFrom('line_outcomes')
      .where('batch_id', '=', batchId)
      .where('chunk', '=', chunk)
      .where('outcome', '=', 'dead')
      .execute()
  }
}

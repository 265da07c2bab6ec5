import { fingerprint } from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import { moveCounts } from './batch-counts.ts'
import { type ChunkRef, chunkKeys, type LockedChunk, lockChunk } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { finishPlan } from './finish-plan.ts'
import { keepable, outcomeRow, saveOutcomes } from './line-outcomes.ts'
import type { Schema } from './schema.ts'
import { type NumberedLine, readNumbered } from './stored-lines.ts'

export type ChunkError = {
  code: string
  message: string
  /** The stock source that was read, if one was. */
  source?: string | undefined
}

/** Whether this call made the chunk dead; no if another already did, or it was settled meanwhile. */
export const markChunkDead = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  error: ChunkError,
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const chunk = await lockChunk(trx, ref)
    if (!chunk || chunk.settled || chunk.dead) return false
    const code = keepable(error.code)
    const detail = keepable(error.message)
    const lines = readableLines(chunk)
    const deadRows = lines.map((line) => ({
      ...outcomeRow(chunk, line),
      outcome: 'dead' as const,
      code,
      detail,
    }))
    await saveOutcomes(trx, deadRows)
    await trx
      .updateTable('chunks')
      .set({
        dead_at: sql<Date>`now()`,
        error: detail,
        error_code: code,
        fingerprint: fingerprint({
          code,
          location: lines[0]?.location ?? '',
          source: error.source ?? null,
        }),
      })
      .where('batch_id', '=', ref.batchId)
      .where('chunk', '=', ref.chunk)
      .execute()
    const dead = chunk.lineCount
    await moveCounts(trx, [{ batchId: ref.batchId, pending: -dead, dead }])
    // It may have been the last one that the others' plans waited for.
    if (chunk.queue === 'plan') await finishPlan(trx, ref.batchId)
    return true
  })

/** A chunk that cannot be read dies as a whole: nothing can be said of its lines. */
const readableLines = ({ stored }: LockedChunk): NumberedLine[] => {
  try {
    return readNumbered(stored)
  } catch {
    return []
  }
}

/** Its lines are pending again. */
export const reviveDeadLines = async (
  trx: Transaction<Schema>,
  chunk: LockedChunk,
): Promise<void> => {
  await forgetDeadLines(trx, [chunk])
  await moveCounts(trx, [
    { batchId: chunk.batchId, dead: -chunk.lineCount, pending: chunk.lineCount },
  ])
}

/** What was said of their lines no longer holds. */
export const forgetDeadLines = async (
  trx: Transaction<Schema>,
  chunks: readonly ChunkRef[],
): Promise<void> => {
  await sql`
    delete from line_outcomes where outcome = 'dead' and (batch_id, chunk) in (
      select * from ${chunkKeys(chunks)}
    )
  `.execute(trx)
}

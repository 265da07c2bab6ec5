import { sql } from 'kysely'
import { type ChunkRef, heldUntil, lockChunk } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { retryConflicts } from './retry-conflicts.ts'
import { type Settled, settleLines } from './settle-lines.ts'
import type { Readings } from './stored-lines.ts'

/**
 * Settled chunks with lines that are held, and whose time to be tried again has come. Whoever asks has
 * them: nobody else is told of them for a while, and none that stays held keeps others waiting.
 */
export const claimHeldChunks = async (db: LedgerDatabase, limit: number): Promise<ChunkRef[]> => {
  const { rows } = await sql<ChunkRef>`
    update chunks set not_before = ${heldUntil}
    where (batch_id, chunk) in (
      select batch_id, chunk from chunks where held > 0 and not_before <= now()
      order by not_before limit ${limit} for update skip locked
    )
    returning batch_id as "batchId", chunk
  `.execute(db)
  return rows
}

/**
 * Gives a chunk's held lines their outcome by what the source says now; those that it is still too
 * stale for stay held. Any number of calls is harmless.
 * @returns undefined when none is held
 */
export const releaseHeldLines = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  readings: Readings,
): Promise<Settled | undefined> =>
  retryConflicts(db, async (trx, { mayMakeLevels }) => {
    const chunk = await lockChunk(trx, ref)
    if (!chunk?.settled) return undefined
    const { rows } = await sql<{ line: number }>`
      delete from line_outcomes
      where batch_id = ${ref.batchId} and chunk = ${ref.chunk} and outcome = 'held'
      returning line
    `.execute(trx)
    if (rows.length === 0) return undefined
    const held = new Set(rows.map((row) => row.line))
    const lines = chunk.lines(readings).filter((line) => held.has(line.number))
    const { heldByPart, ...settled } = await settleLines(trx, [{ chunk, lines, from: 'held' }], {
      mayMakeLevels: mayMakeLevels(chunk.tenantId),
      readings,
    })
    await sql`
      update chunks set held = ${heldByPart[0]},
        not_before = case when ${heldByPart[0]}::int > 0 then ${heldUntil} end
      where batch_id = ${ref.batchId} and chunk = ${ref.chunk}
    `.execute(trx)
    return settled
  })

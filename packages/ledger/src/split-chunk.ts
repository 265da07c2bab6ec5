import { planChunks } from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import { type ChunkRef, type LockedChunk, lockChunk } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { reviveDeadLines } from './dead-chunks.ts'
import type { AcceptedChunk } from './new-batch.ts'
import type { Schema } from './schema.ts'
import { readStored, storeLines } from './stored-lines.ts'

export type SplitResult =
  /** In the order in which they are to be applied. */
  | { outcome: 'split'; parts: AcceptedChunk[] }
  | { outcome: 'single' }
  /** It is settled, or was split by another. */
  | { outcome: 'gone' }

/**
 * Splits a chunk into smaller ones and gives them its lines. Lines of one level stay together as long
 * as there are others to part them from; then they are parted in their order.
 * @param options.isDeadly it ended the process that applied it, and a part of it will do so again
 */
export const splitChunk = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  { isDeadly = false }: { isDeadly?: boolean } = {},
): Promise<SplitResult> =>
  db.transaction().execute(async (trx) => {
    const chunk = await lockChunk(trx, ref)
    if (!chunk || chunk.settled || chunk.queue === 'parked') return { outcome: 'gone' }
    const { queue } = chunk
    if (chunk.lineCount === 1) return { outcome: 'single' }
    const suspect = isDeadly || chunk.suspect
    const { lines, numbers } = readStored(chunk.stored)
    const half = Math.ceil(lines.length / 2)
    const byLevel = planChunks(lines, half)
    const places = lines.map((_, index) => index)
    const parts = byLevel.length > 1 ? byLevel : [places.slice(0, half), places.slice(half)]

    if (chunk.dead) {
      await reviveDeadLines(trx, chunk)
    }
    const first = await nextChunkNumber(trx, ref.batchId)
    await trx
      .insertInto('chunks')
      .values(
        parts.map((indexes, part) => ({
          batch_id: ref.batchId,
          chunk: first + part,
          line_count: indexes.length,
          lines: storeLines(lines, indexes, numbers),
          queue,
          not_before: chunk.notBefore,
          parent: ref.chunk,
          suspect,
          redrive_id: chunk.redriveId,
        })),
      )
      .execute()
    await markSplit(trx, chunk)
    return {
      outcome: 'split',
      parts: parts.map(({ length }, part) => ({
        batchId: ref.batchId,
        chunk: first + part,
        queue,
        lines: length,
        suspect,
      })),
    }
  })

/** The batch's row stands for its list of chunks: one transaction at a time adds to it. */
const nextChunkNumber = async (trx: Transaction<Schema>, batchId: string) => {
  await sql`select from batches where id = ${batchId} for no key update`.execute(trx)
  const { rows } = await sql<{ next: number }>`
    select max(chunk) + 1 as next from chunks where batch_id = ${batchId}
  `.execute(trx)
  return (rows[0] as { next: number }).next
}

const markSplit = (trx: Transaction<Schema>, { batchId, chunk }: LockedChunk) =>
  trx
    .updateTable('chunks')
    .set({ settled_at: sql<Date>`now()`, split_at: sql<Date>`now()`, dead_at: null, error: null })
    .where('batch_id', '=', batchId)
    .where('chunk', '=', chunk)
    .execute()

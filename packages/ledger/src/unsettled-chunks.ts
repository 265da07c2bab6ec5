import { sql } from 'kysely'
import { type ChunkRef, mayEndProcesses } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import type { AcceptedChunk } from './new-batch.ts'

export type UnsettledChunk = AcceptedChunk & { notBefore: Date | null }

/**
 * Accepted chunks that are neither settled nor dead, in order: the ones that the queue must know.
 * @param olderThanMs leaves the youngest to whoever is enqueuing them at this moment
 * @param after the last one of the page before
 */
export const listUnsettledChunks = async (
  db: LedgerDatabase,
  {
    olderThanMs,
    limit,
    after,
  }: { olderThanMs: number; limit: number; after?: ChunkRef | undefined },
): Promise<UnsettledChunk[]> => {
  const { rows } = await sql<UnsettledChunk>`
    select batch_id as "batchId", chunk, queue, line_count as lines, not_before as "notBefore",
      ${mayEndProcesses} as suspect
    from chunks
    where settled_at is null and dead_at is null and queue <> 'parked'
      and created_at <= now() - make_interval(secs => ${olderThanMs / 1_000})
      ${after ? sql`and (batch_id, chunk) > (${after.batchId}::uuid, ${after.chunk}::int)` : sql``}
    order by batch_id, chunk limit ${limit}
  `.execute(db)
  return rows
}

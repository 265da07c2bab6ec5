import { sql } from 'kysely'
import type { ChunkRef } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { keepable } from './dead-chunks.ts'

export type FailedAttempt = {
  /** From 1, counted anew when a chunk is redriven. */
  attempt: number
  class: string
  code: string
  message: string
  worker: string
  startedAt: Date
  seconds: number
}

/** Keeps what went wrong. A successful attempt leaves its movements, and needs no further record. */
export const recordFailedAttempt = async (
  db: LedgerDatabase,
  { batchId, chunk }: ChunkRef,
  { startedAt, message, ...attempt }: FailedAttempt,
): Promise<void> => {
  await db
    .insertInto('failed_attempts')
    .values({
      ...attempt,
      batch_id: batchId,
      chunk,
      message: keepable(message),
      started_at: startedAt,
    })
    .execute()
}

/** A chunk's failed attempts and those of the chunks it was split from, oldest first. */
export const listFailedAttempts = async (
  db: LedgerDatabase,
  { batchId, chunk }: ChunkRef,
): Promise<FailedAttempt[]> => {
  const { rows } = await sql<FailedAttempt>`
    with recursive line as (
      select chunk, parent from chunks where batch_id = ${batchId} and chunk = ${chunk}
      union all
      select c.chunk, c.parent from chunks c join line on c.chunk = line.parent
      where c.batch_id = ${batchId}
    )
    select attempt, class, code, message, worker, started_at as "startedAt", seconds
    from failed_attempts
    where batch_id = ${batchId} and chunk in (select chunk from line)
    order by id
  `.execute(db)
  return rows
}

import { sql } from 'kysely'
import { type ChunkRef, chunkKeys } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { dropOld } from './drop-old.ts'
import { keepable } from './line-outcomes.ts'

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
  { startedAt, code, message, ...attempt }: FailedAttempt,
): Promise<void> => {
  await db
    .insertInto('failed_attempts')
    .values({
      ...attempt,
      batch_id: batchId,
      chunk,
      code: keepable(code),
      message: keepable(message),
      started_at: startedAt,
    })
    .execute()
}

/** Those of a month ago are dropped, besides the history of what is dead. */
export const dropOldFailedAttempts = (db: LedgerDatabase): Promise<number> =>
  dropOld(db, {
    table: 'failed_attempts',
    key: ['id'],
    age: 'started_at',
    days: 30,
    unless: sql`exists (
      select from chunks c where c.batch_id = r.batch_id and c.dead_at is not null
    )`,
  })

/**
 * The failed attempts of chunks and of those that each was split from, oldest first. In one query: a
 * page of dead letters must not wait for as many connections.
 * @returns a list for each chunk, in the order asked for
 */
export const listFailedAttempts = async (
  db: LedgerDatabase,
  refs: readonly ChunkRef[],
): Promise<FailedAttempt[][]> => {
  const { rows } = await sql<FailedAttempt & { place: number }>`
    with recursive line as (
      select r.place, c.batch_id, c.chunk, c.parent
      from ${chunkKeys(refs)} with ordinality r(batch_id, chunk, place)
      join chunks c using (batch_id, chunk)
      union all
      select line.place, c.batch_id, c.chunk, c.parent
      from line join chunks c on c.batch_id = line.batch_id and c.chunk = line.parent
    )
    select line.place, a.attempt, a.class, a.code, a.message, a.worker,
      a.started_at as "startedAt", a.seconds
    from line join failed_attempts a using (batch_id, chunk)
    order by a.id
  `.execute(db)
  const byPlace = Map.groupBy(rows, (row) => row.place)
  return refs.map((_, index) => (byPlace.get(index + 1) ?? []).map(({ place, ...it }) => it))
}

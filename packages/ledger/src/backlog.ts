import { type QueueKind, queueKinds } from '@inventoryrpa/contracts'
import { sql } from 'kysely'
import { isDue } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'

export type QueueBacklog = {
  queue: QueueKind
  /** Lines accepted and not settled. */
  pendingLines: number
  /** Those of them that could be applied now. */
  dueLines: number
  /** For how long the oldest of those that are due could have been applied; 0 when there is none. */
  oldestPendingSeconds: number
  /** When the last of those that are due will be settled at the rate of late: 0 when there is none. */
  drainSeconds: number
}

/** Nobody is told more than this: when nothing moves, nothing can be estimated. */
export const longestDrainSeconds = 86_400

/** Both, and the higher rate counts: the short one sees a backlog that has just begun to move. */
const shortSeconds = 10
const longSeconds = 60

type Row = { queue: QueueKind; pending: number; due: number; oldest: number; rate: number }

/** The backlog of each queue, from PostgreSQL: it stays true when the queue is away. */
export const measureBacklog = async (db: LedgerDatabase): Promise<QueueBacklog[]> => {
  const { rows } = await sql<Row>`
    with pending as (
      select queue, sum(line_count) as lines, sum(line_count) filter (where ${isDue}) as due,
        min(greatest(created_at, not_before)) filter (where ${isDue}) as oldest
      from chunks c where settled_at is null and dead_at is null
      group by queue
    ), settled as (
      select queue, sum(line_count)::float8 / ${longSeconds}::float8 as long,
        sum(line_count) filter (
          where settled_at > now() - make_interval(secs => ${shortSeconds})
        )::float8 / ${shortSeconds}::float8 as short
      from chunks
      where settled_at > now() - make_interval(secs => ${longSeconds}) and split_at is null
      group by queue
    )
    select queue, coalesce(p.lines, 0)::float8 as pending, coalesce(p.due, 0)::float8 as due,
      coalesce(extract(epoch from now() - p.oldest), 0)::float8 as oldest,
      coalesce(greatest(s.long, s.short), 0)::float8 as rate
    from unnest(${[...queueKinds]}::text[]) queue left join pending p using (queue) left join settled s using (queue)
  `.execute(db)
  return rows.map(({ queue, pending, due, oldest, rate }) => ({
    queue,
    pendingLines: pending,
    dueLines: due,
    oldestPendingSeconds: oldest,
    drainSeconds: drainSeconds(due, rate),
  }))
}

const drainSeconds = (dueLines: number, linesPerSecond: number) =>
  dueLines === 0
    ? 0
    : Math.min(longestDrainSeconds, dueLines / linesPerSecond || longestDrainSeconds)

/** How long a line accepted now will wait about, in the slowest of the queues. */
export const estimateDrainSeconds = async (db: LedgerDatabase): Promise<number> =>
  Math.max(...(await measureBacklog(db)).map((backlog) => backlog.drainSeconds))

/** How long ago a transaction may have begun that is yet to be seen to have settled something. */
const longestTransactionSeconds = 5

/** Lines settled since a moment, as far as they were committed when they were counted. */
export type SettledCount = { since: Date; lines: number }

/**
 * Counts what all workers together settle.
 * @returns a count to compare the next one with, and the lines that were committed since the last one
 */
export const countSettledLines = async (
  db: LedgerDatabase,
  queue: QueueKind,
  last?: SettledCount,
): Promise<SettledCount & { linesSinceLast: number }> => {
  const { rows } = await sql<SettledCount & { again: number }>`
    with at as (
      select date_trunc('milliseconds', now())
        - make_interval(secs => ${longestTransactionSeconds}) as since
    )
    select at.since,
      coalesce(sum(line_count) filter (where settled_at > at.since), 0)::float8 as lines,
      coalesce(sum(line_count) filter (where settled_at > ${last?.since ?? null}), 0)::float8 as again
    from at left join chunks on settled_at > least(at.since, ${last?.since ?? null})
      and split_at is null and queue = ${queue}
    group by at.since
  `.execute(db)
  const [row] = rows
  if (!row) throw new Error('PostgreSQL counted nothing')
  const { since, lines, again } = row
  return { since, lines, linesSinceLast: last ? again - last.lines : 0 }
}

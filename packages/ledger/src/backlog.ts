import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'

/** As `chunks.queue` says: lines that the ledger alone can settle, and lines that need a stock source. */
export type QueueKind = 'apply' | 'sync'
const kinds: readonly QueueKind[] = ['apply', 'sync']

export type QueueBacklog = {
  queue: QueueKind
  /** Lines accepted and not settled. */
  pendingLines: number
  /** Age of the oldest of them; 0 when there is none. */
  oldestPendingSeconds: number
  /** When the last of them will be settled at the rate of late: 0 when there is none. */
  drainSeconds: number
}

/** Nobody is told more than this: when nothing moves, nothing can be estimated. */
export const longestDrainSeconds = 86_400

/** Both, and the higher rate counts: the short one sees a backlog that has just begun to move. */
const shortSeconds = 10
const longSeconds = 60

type Row = { queue: QueueKind; pending: number; oldest: number; rate: number }

/** The backlog of each queue, from PostgreSQL: it stays true when the queue is away. */
export const measureBacklog = async (db: LedgerDatabase): Promise<QueueBacklog[]> => {
  const { rows } = await sql<Row>`
    with pending as (
      select queue, sum(line_count) as lines, min(created_at) as oldest
      from chunks where settled_at is null and dead_at is null
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
    select queue, coalesce(p.lines, 0)::float8 as pending,
      coalesce(extract(epoch from now() - p.oldest), 0)::float8 as oldest,
      coalesce(greatest(s.long, s.short), 0)::float8 as rate
    from unnest(${[...kinds]}::text[]) queue left join pending p using (queue) left join settled s using (queue)
  `.execute(db)
  return rows.map(({ queue, pending, oldest, rate }) => ({
    queue,
    pendingLines: pending,
    oldestPendingSeconds: oldest,
    drainSeconds: drainSeconds(pending, rate),
  }))
}

const drainSeconds = (pendingLines: number, linesPerSecond: number) =>
  pendingLines === 0
    ? 0
    : Math.min(longestDrainSeconds, pendingLines / linesPerSecond || longestDrainSeconds)

/** How long a line accepted now will wait about, in the slower of the queues. */
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

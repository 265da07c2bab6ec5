import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'

/** An attempt that nobody heard of for so long has ended with its worker. Longer than an attempt takes. */
const leaseSeconds = 30

/** A delivery that is due, and the number that its next attempt has. */
export type DueDelivery = { id: string; attempt: number }

/**
 * Deliveries that are due, the longest first, at most `perHost` for each host: however many wait for
 * one that is away, those for others are found.
 */
export const listDueDeliveries = async (
  db: LedgerDatabase,
  { perHost, limit }: { perHost: number; limit: number },
): Promise<DueDelivery[]> => {
  const { rows } = await sql<DueDelivery>`
    with recursive hosts as (
      (select host from webhook_deliveries where state = 'pending' order by host limit 1)
      union all
      select (
        select host from webhook_deliveries
        where state = 'pending' and host > hosts.host order by host limit 1
      ) from hosts where hosts.host is not null
    )
    select due.id, due.attempts + 1 as attempt
    from hosts cross join lateral (
      select id, attempts, next_attempt_at from webhook_deliveries
      where state = 'pending' and host = hosts.host and next_attempt_at <= now()
      order by next_attempt_at limit ${perHost}
    ) due
    order by due.next_attempt_at limit ${limit}
  `.execute(db)
  return rows
}

/** The host that a delivery goes to; undefined when it is not to be attempted now. */
export const findDueHost = async (db: LedgerDatabase, id: string): Promise<string | undefined> => {
  const row = await db
    .selectFrom('webhook_deliveries')
    .select('host')
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .where('next_attempt_at', '<=', sql<Date>`now()`)
    .executeTakeFirst()
  return row?.host
}

export type ClaimedDelivery = {
  id: string
  url: string
  payload: string
  /** From 1. */
  attempt: number
  /** From 1, and anew after a replay. */
  tries: number
  /** The newest one first; none when the tenant has none. */
  secrets: string[]
}

/**
 * Takes a delivery that is due, and enters the attempt in its log as interrupted until it is known how
 * it ended. If nothing is heard of it, the delivery is due again.
 * @returns undefined when it is not due: another has it, or it is settled
 */
export const claimDelivery = async (
  db: LedgerDatabase,
  id: string,
): Promise<ClaimedDelivery | undefined> => {
  const { rows } = await sql<ClaimedDelivery>`
    with claimed as (
      update webhook_deliveries set
        attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => ${leaseSeconds})
      where id = ${id} and state = 'pending' and next_attempt_at <= now()
      returning id, tenant_id, url, payload, attempts, attempts_before_replay
    ), logged as (
      insert into webhook_attempts (delivery_id, attempt, error, seconds)
      select id, attempts, 'interrupted', 0 from claimed
    )
    select c.id, c.url, c.payload, c.attempts as attempt,
      c.attempts - c.attempts_before_replay as tries,
      array_remove(array[
        t.webhook_secret,
        case when t.webhook_secret_before_until > now() then t.webhook_secret_before end
      ], null) as secrets
    from claimed c join tenants t on t.id = c.tenant_id
  `.execute(db)
  return rows[0]
}

/** How an attempt ended. */
export type AttemptEnd = {
  status: number | null
  /** Why it does not count as delivered; null when it does. */
  error: string | null
  seconds: number
  /** Milliseconds until the next attempt; undefined when none is to follow. */
  retryInMs?: number | undefined
}

/**
 * Keeps how an attempt ended, and what becomes of its delivery: delivered, failed, or due again, as
 * long as its day is not over. One that was heard of too late does not postpone the attempt after it.
 * @returns the state that the delivery is in now
 */
export const endAttempt = async (
  db: LedgerDatabase,
  { id, attempt }: Pick<ClaimedDelivery, 'id' | 'attempt'>,
  { status, error, seconds, retryInMs }: AttemptEnd,
): Promise<string | undefined> => {
  const isDelivered = error === null
  const retryAt = sql`now() + make_interval(secs => ${(retryInMs ?? 0) / 1_000})`
  const isLast = isDelivered || retryInMs === undefined ? sql`true` : sql`${retryAt} >= expires_at`
  const { rows } = await sql<{ state: string }>`
    with logged as (
      update webhook_attempts set status = ${status}, error = ${error}, seconds = ${seconds}
      where delivery_id = ${id} and attempt = ${attempt}
    )
    update webhook_deliveries set
      state = case when ${isLast} then ${isDelivered ? 'delivered' : 'failed'} else 'pending' end,
      settled_at = case when ${isLast} then now() end,
      next_attempt_at = case when not (${isLast}) then ${retryAt} end
    where id = ${id} and (${isDelivered} or (state = 'pending' and attempts = ${attempt}))
    returning state
  `.execute(db)
  return rows[0]?.state
}

/** Gives up deliveries whose day is over, if they were attempted at all. */
export const expireDeliveries = async (db: LedgerDatabase): Promise<number> => {
  const result = await sql`
    update webhook_deliveries set state = 'failed', settled_at = now(), next_attempt_at = null
    where state = 'pending' and expires_at < now() and next_attempt_at <= now()
      and attempts > attempts_before_replay
  `.execute(db)
  return Number(result.numAffectedRows ?? 0)
}

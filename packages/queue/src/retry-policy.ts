import type { BackoffOptions, BackoffStrategy } from 'bullmq'

export type RetryPolicy = {
  /** Runs of a job before it fails. */
  attempts: number
  /** Milliseconds before the first retry; it doubles with each further one. */
  backoffMs: number
  /** Milliseconds between two retries at most. */
  backoffMaxMs: number
}

/**
 * What becomes of a job after an error:
 * - `outage`: what all jobs of its queue need is away, so the queue is held and no attempt is used up;
 * - `unrecoverable`: not tried again;
 * - `throttled`: tried again, not before the time that the error names;
 * - `transient`: tried again.
 */
export type ErrorClass = 'outage' | 'unrecoverable' | 'throttled' | 'transient'

/** What an error says of itself, by properties and never by its message. */
type Retryability = { retryable?: unknown; outage?: unknown; retryAfterMs?: unknown }

export const classify = (
  error: unknown,
): { class: ErrorClass; retryAfterMs: number | undefined } => {
  const { outage, retryable, retryAfterMs } = (error instanceof Error ? error : {}) as Retryability
  // No queue can keep a delay of NaN.
  const afterMs = typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined
  if (outage === true) return { class: 'outage', retryAfterMs: afterMs }
  if (retryable === false) return { class: 'unrecoverable', retryAfterMs: undefined }
  if (afterMs !== undefined) return { class: 'throttled', retryAfterMs: afterMs }
  return { class: 'transient', retryAfterMs: undefined }
}

/** Of a job that is run again by hand or by the relay: all its attempts anew, where BullMQ would count those made. */
export const freshAttempts = { resetAttemptsMade: true, resetAttemptsStarted: true } as const

/** BullMQ's own exponential backoff has no cap, so the worker brings this one. */
const strategyName = 'capped-exponential'

/** A quarter of the delay is random: retries spread out, and each delay still exceeds the one before. */
const jitter = 0.25

/** One job looks whether an outage is over, and all others wait for it. */
const longestHoldMs = 5_000

/** Nobody is waited for longer than this, whatever they ask for. */
const longestThrottleMs = 60_000

export const backoff: BackoffOptions = { type: strategyName }

/** The capped exponential delay in milliseconds, with jitter. @param attemptsMade 1 after the first */
export const backoffDelayMs = (
  { backoffMs, backoffMaxMs }: Pick<RetryPolicy, 'backoffMs' | 'backoffMaxMs'>,
  attemptsMade: number,
) => {
  const delay = Math.min(backoffMs * 2 ** (attemptsMade - 1), backoffMaxMs)
  return Math.round(delay * (1 - jitter * Math.random()))
}

/** The delay in milliseconds before the next attempt. @param attemptsMade 1 after the first attempt */
export const backoffStrategy =
  (policy: RetryPolicy): BackoffStrategy =>
  (attemptsMade, _type, error) => {
    const asked = Math.min(classify(error).retryAfterMs ?? 0, longestThrottleMs)
    return Math.max(asked, backoffDelayMs(policy, attemptsMade))
  }

/** Milliseconds for which a queue is held after so many outages in a row. */
export const outageDelayMs = (policy: RetryPolicy, outages: number, askedMs = 0): number =>
  Math.max(
    Math.min(askedMs, longestThrottleMs),
    backoffDelayMs(
      { ...policy, backoffMaxMs: Math.min(policy.backoffMaxMs, longestHoldMs) },
      outages,
    ),
  )

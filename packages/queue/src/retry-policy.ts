import type { BackoffOptions, BackoffStrategy } from 'bullmq'

export type RetryPolicy = {
  /** Runs of a job before it fails. */
  attempts: number
  /** Milliseconds before the first retry; it doubles with each further one. */
  backoffMs: number
  /** Milliseconds between two retries at most. */
  backoffMaxMs: number
}

/** BullMQ's own exponential backoff has no cap, so the worker brings this one. */
const strategyName = 'capped-exponential'

/** A quarter of the delay is random: retries spread out, and each delay still exceeds the one before. */
const jitter = 0.25

export const backoff: BackoffOptions = { type: strategyName }

/** The delay in milliseconds before the next attempt. @param attemptsMade 1 after the first attempt */
export const backoffStrategy =
  ({ backoffMs, backoffMaxMs }: RetryPolicy): BackoffStrategy =>
  (attemptsMade) => {
    const delay = Math.min(backoffMs * 2 ** (attemptsMade - 1), backoffMaxMs)
    return Math.round(delay * (1 - jitter * Math.random()))
  }

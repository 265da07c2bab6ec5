import pRetry from 'p-retry'
import { errorOf, InventoryRpaError, UnreachableError } from './errors.ts'

export type Retry = {
  /** Beside the first attempt; default 8, which takes about a minute. 0: none. */
  retries?: number
  /** Before the first retry, in milliseconds; doubles each time and is spread out. Default 250. */
  minDelayMs?: number
  /** Longest time between two attempts, unless the API asks for longer. Default 10,000. */
  maxDelayMs?: number
}

export type RetryNotice = { error: InventoryRpaError; attempt: number; retriesLeft: number }

export type TransportOptions = {
  fetch: typeof globalThis.fetch
  apiKey: string
  retry: Retry
  onRetry: ((notice: RetryNotice) => void) | undefined
}

export type Sending = {
  /** Whether it may arrive twice: it carries an idempotency key, or a second one changes nothing. */
  repeatable: boolean
  /** Of one attempt, until its answer has been read; 0: none. */
  timeoutMs: number
}

/** Makes the request anew for each attempt, since a body is read once. */
export type MakeRequest = () => Request

export type Transport = (make: MakeRequest, sending: Sending) => Promise<Response>

const retryable = new Set([429, 502, 503, 504])

/** That nothing became of the request is only certain of these. */
const wasRefused = (error: InventoryRpaError) =>
  error instanceof UnreachableError ? !error.wasSent : error.status === 429

const mayRetry = (error: InventoryRpaError, { repeatable }: Sending) =>
  wasRefused(error) ||
  (repeatable &&
    (error instanceof UnreachableError ||
      retryable.has(error.status) ||
      error.code === 'idempotency-conflict'))

/** Sends, again if need be. @throws InventoryRpaError for every answer but a success */
export const createTransport =
  ({ fetch, apiKey, retry, onRetry }: TransportOptions): Transport =>
  (make, sending) => {
    let asked: AbortSignal | undefined
    const attempt = async () => {
      const request = make()
      asked = request.signal
      request.headers.set('authorization', `Bearer ${apiKey}`)
      const signal = sending.timeoutMs
        ? AbortSignal.any([asked, AbortSignal.timeout(sending.timeoutMs)])
        : asked
      const response = await fetch(request, { signal }).catch((error: unknown) => {
        if (asked?.aborted) throw asked.reason
        throw new UnreachableError(request.url, error)
      })
      if (!response.ok) throw await errorOf(response)
      return response
    }
    return pRetry(attempt, {
      retries: retry.retries ?? 8,
      minTimeout: retry.minDelayMs ?? 250,
      maxTimeout: retry.maxDelayMs ?? 10_000,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof InventoryRpaError && mayRetry(error, sending),
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (!(error instanceof InventoryRpaError) || retriesLeft === 0) return
        if (!mayRetry(error, sending)) return
        onRetry?.({ error, attempt: attemptNumber, retriesLeft })
        // What p-retry waits besides spreads out those who were told the same.
        await pause(error.retryAfterMs ?? 0, asked)
      },
    })
  }

export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })

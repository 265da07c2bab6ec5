import { type BreakerOptions, createBreaker } from './breaker.ts'
import { openConnections } from './connections.ts'
import type { SourceName, StockSourceEvent } from './events.ts'
import { type Failure, type FailureCode, SourceFailure } from './failure.ts'
import { readInParts } from './read-in-parts.ts'
import { type LevelsAnswer, requestLevels, type StockKey } from './request-levels.ts'

export type SourceOptions = {
  name: SourceName
  /** Without user, password, query and fragment. */
  url: string
  token: string | undefined
  /** Milliseconds for a read, all of it: connecting, waiting, bodies, further parts, the one retry. */
  deadlineMs: number
  breaker: BreakerOptions
  /** Bytes of one body, decompressed. */
  maxBodyBytes: number
  /** Requests under way at once for one read. */
  maxParallel: number
  allowPrivateAddresses: boolean
  onEvent: (event: StockSourceEvent) => void
}

/** A read of one source under way. */
export type Asked = {
  answer: Promise<LevelsAnswer>
  /** Ends it with this failure, unless it is the probe of a breaker: that runs to its end. */
  abandon(failure: Failure): void
}

export type Source = {
  readonly name: SourceName
  ask(items: readonly StockKey[]): Asked
  /** Milliseconds until it may be asked; 0 when it may now. */
  waitMs(): number
  /** Waits for reads under way, each of which has its deadline. */
  close(): Promise<void>
}

const onHandPath = '/v1/on-hand'
/** Connections a source is asked over at most, all reads together. */
const maxConnections = 16

const secondsSince = (start: number) => (performance.now() - start) / 1_000

/** One stock system at one address, with its own connections and breaker. */
export const openSource = (options: SourceOptions): Source => {
  const { name, token, deadlineMs, maxBodyBytes, maxParallel, onEvent } = options
  const { origin, pathname } = new URL(options.url)
  const connections = openConnections({
    origin,
    connections: maxConnections,
    connectTimeoutMs: deadlineMs,
    maxWireBytes: maxBodyBytes,
    allowPrivateAddresses: options.allowPrivateAddresses,
  })
  const request = {
    connections,
    path: pathname.replace(/\/+$/, '') + onHandPath,
    token,
    maxBodyBytes,
  }
  const breaker = createBreaker<LevelsAnswer>({
    ...options.breaker,
    probeMs: deadlineMs,
    isFailure: ({ outcome }) => outcome === 'failed',
    onState: (state) => onEvent({ type: 'breaker', source: name, state }),
  })
  let lastCode: FailureCode | undefined
  let leaveAloneUntil = 0
  const throttledMs = () => Math.max(0, leaveAloneUntil - performance.now())
  const underWay = new Set<Promise<unknown>>()

  const readPart = async (items: readonly StockKey[], signal: AbortSignal) => {
    const start = performance.now()
    const answer = await requestLevels(items, request, signal)
    const outcome = answer.outcome === 'failed' ? answer.failure.code : answer.outcome
    onEvent({ type: 'request', source: name, outcome, seconds: secondsSince(start) })
    if (answer.outcome === 'failed' && answer.failure.retryAfterMs !== undefined) {
      const until = performance.now() + answer.failure.retryAfterMs
      leaveAloneUntil = Math.max(leaveAloneUntil, until)
    }
    return answer
  }

  const readWithin = async (items: readonly StockKey[], stop: AbortController) => {
    const detail = `no complete answer within ${deadlineMs} ms`
    const late = () => stop.abort(new SourceFailure({ code: 'timeout', detail }))
    const timer = setTimeout(late, deadlineMs)
    try {
      return await readInParts(items, readPart, { maxParallel, signal: stop.signal })
    } finally {
      clearTimeout(timer)
    }
  }

  const refusal = (): Failure | undefined => {
    const throttled = Math.ceil(throttledMs())
    if (throttled > 0) {
      return { code: 'throttled', detail: 'it asked to be left alone', retryAfterMs: throttled }
    }
    return breaker.waitMs() > 0
      ? { code: 'circuit_open', detail: `not asked: it failed too often, last with ${lastCode}` }
      : undefined
  }

  const run = async (items: readonly StockKey[], stop: AbortController): Promise<LevelsAnswer> => {
    try {
      return await breaker.run(async () => {
        const answer = await readWithin(items, stop)
        // Says nothing of the source: the breaker learns from results, not from what is thrown.
        if (answer.outcome === 'failed' && answer.failure.code === 'aborted') {
          throw new SourceFailure(answer.failure)
        }
        if (answer.outcome === 'failed') lastCode = answer.failure.code
        return answer
      })
    } catch (error) {
      if (error instanceof SourceFailure) return { outcome: 'failed', failure: error.failure }
      throw error
    }
  }

  return {
    name,
    waitMs: () => Math.max(throttledMs(), breaker.waitMs()),
    ask: (items) => {
      const failure = refusal()
      if (failure) {
        return { answer: Promise.resolve({ outcome: 'failed', failure }), abandon: () => {} }
      }
      const stop = new AbortController()
      const answer = run(items, stop)
      const isProbe = breaker.isProbing()
      underWay.add(answer)
      const done = () => underWay.delete(answer)
      answer.then(done, done)
      return {
        answer,
        abandon: (failure) => {
          if (!isProbe) stop.abort(new SourceFailure(failure))
        },
      }
    },
    close: async () => {
      await Promise.allSettled(underWay)
      await connections.destroy()
    },
  }
}

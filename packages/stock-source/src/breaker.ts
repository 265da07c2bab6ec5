import {
  CircuitState,
  ConsecutiveBreaker,
  CountBreaker,
  circuitBreaker,
  handleWhenResult,
  type IBackoff,
} from 'cockatiel'

export type BreakerState = 'closed' | 'open' | 'half-open'

export type BreakerOptions = {
  /** So many failures one after the other, or more than this share of the last so many. */
  opensAfter: { consecutive: number } | { failureRatio: number; ofLast: number }
  /** Milliseconds from opening to the probe. */
  openMs: number
}

export type Breaker<T> = {
  /** Milliseconds until it could let something through; 0 when it would now. */
  waitMs(): number
  /** Whether what runs now is the probe, on which it depends whether the breaker closes. */
  isProbing(): boolean
  /**
   * Runs the work and learns from its result; from a rejection it learns nothing. Only to be called
   * when there is nothing to wait for: cockatiel would let it wait for the probe, beyond any deadline.
   */
  run(work: () => Promise<T>): Promise<T>
}

const states: Partial<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
}

/**
 * Open for a time by the monotonic clock. cockatiel compares a duration with the wall clock, and a
 * clock set back by an hour would keep the breaker open for that hour.
 */
class OpenTime implements IBackoff<unknown> {
  #until = 0
  readonly #ms: number
  constructor(ms: number) {
    this.#ms = ms
  }
  /** Called whenever the breaker opens. */
  next() {
    this.#until = performance.now() + this.#ms
    return this
  }
  get duration() {
    return this.leftMs > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  }
  get leftMs() {
    return Math.max(0, this.#until - performance.now())
  }
}

const counter = (after: BreakerOptions['opensAfter']) =>
  'consecutive' in after
    ? new ConsecutiveBreaker(after.consecutive)
    : new CountBreaker({ threshold: after.failureRatio, size: after.ofLast })

/**
 * Closed, it lets everything through. Open, nothing. After that it lets one through, the probe, and
 * closes or opens again by how that ends.
 * @param probeMs what a probe takes at most
 */
export const createBreaker = <T>({
  opensAfter,
  openMs,
  probeMs,
  isFailure,
  onState,
}: BreakerOptions & {
  probeMs: number
  isFailure: (result: T) => boolean
  onState: (state: BreakerState) => void
}): Breaker<T> => {
  const open = new OpenTime(openMs)
  let probeUntil = 0
  const policy = circuitBreaker(
    handleWhenResult((result) => isFailure(result as T)),
    { breaker: counter(opensAfter), halfOpenAfter: open },
  )
  policy.onStateChange((state) => {
    if (state === CircuitState.HalfOpen) probeUntil = performance.now() + probeMs
    const name = states[state]
    if (name) onState(name)
  })
  const isProbing = () => policy.state === CircuitState.HalfOpen
  return {
    isProbing,
    waitMs: () => {
      if (policy.state === CircuitState.Closed) return 0
      // A probe that is late is still under way.
      return isProbing() ? Math.max(1, probeUntil - performance.now()) : open.leftMs
    },
    run: (work) => policy.execute(work),
  }
}

import type { BreakerOptions } from './breaker.ts'
import type { StockSourceEvent } from './events.ts'

export type SourceAddress = {
  /** http or https, perhaps with a path; `/v1/on-hand` is added. */
  url: string
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined
  /** Milliseconds for one read of this source, whatever it consists of. Default 2,000. */
  deadlineMs?: number | undefined
}

export type Failover =
  /** The backup is asked once the primary has failed. */
  | { mode: 'immediate' }
  /** The backup is asked as well when the primary has not answered after so many milliseconds. */
  | { mode: 'hedged'; hedgeAfterMs: number }

export type StockSourceOptions = {
  primary: SourceAddress
  backup?: SourceAddress | undefined
  /** Default immediate. */
  failover?: Failover | undefined
  /** Milliseconds beyond which a level is stale. Default 15 minutes. */
  staleAfterMs?: number | undefined
  /** Of each source. Default: 5 consecutive failures, 10 s. */
  breaker?: BreakerOptions | undefined
  /** Bytes of one answer, decompressed, beyond which it is dropped. Default 4 MiB. */
  maxBodyBytes?: number | undefined
  /** Requests under way at once for one read of more than 500 levels. Default 4. */
  maxParallel?: number | undefined
  /** Whether sources may be in private networks or on this machine. Default false. */
  allowPrivateAddresses?: boolean | undefined
  /** Told of requests, failovers and breakers. Must not throw. */
  onEvent?: ((event: StockSourceEvent) => void) | undefined
}

export const defaults = {
  deadlineMs: 2_000,
  hedgeAfterMs: 300,
  staleAfterMs: 15 * 60_000,
  breaker: { opensAfter: { consecutive: 5 }, openMs: 10_000 },
  maxBodyBytes: 4 * 1024 * 1024,
  maxParallel: 4,
} as const

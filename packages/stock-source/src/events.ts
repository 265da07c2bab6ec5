import type { BreakerState } from './breaker.ts'
import type { FailureCode } from './failure.ts'

export type SourceName = 'primary' | 'backup'

/** What happens, for metrics and logs. */
export type StockSourceEvent =
  /** One HTTP request has ended; a large read is several. */
  | { type: 'request'; source: SourceName; outcome: 'answered' | FailureCode; seconds: number }
  /** A read was answered by the backup, because the primary failed with this code. */
  | { type: 'failover'; code: FailureCode }
  | { type: 'breaker'; source: SourceName; state: BreakerState }

/** Where bodies of lines are posted. */
export type Target = { origin: string; path: string; headers: Record<string, string> }

/** What a contestant works on: servers that nobody else uses meanwhile, and an empty database. */
export type Stand = {
  databaseUrl: string
  redisUrl: string
  onLog: (name: string, line: string) => void
}

/** A contestant's processes. */
export type Running = AsyncDisposable & {
  target: Target
  pids: { api: number; workers: number[] }
  /** Lines that it keeps and has not lost, applied or not: what its 202s promised. */
  countAccepted(): Promise<number>
  /** Lines whose jobs are in Redis, waiting. */
  countQueued(): Promise<number>
  /** Lines that are applied, by the cheapest count it has: it is asked while the clock runs. */
  countApplied(): Promise<number>
}

/**
 * One of the two systems. Both keep `stock_levels (sku, location, on_hand)` and `movements (batch_id, line)`,
 * so that one and the same query tells of either whether it is exact.
 */
export type Contestant = {
  name: 'ours' | 'naive'
  start(stand: Stand, workers: number): Promise<Running>
}

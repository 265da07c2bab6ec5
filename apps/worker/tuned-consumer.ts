import type { QueueKind } from '@inventoryrpa/contracts'
import { countSettledLines, type LedgerDatabase, type SettledCount } from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import {
  type Consumer,
  type ConsumerOptions,
  measureDueJobs,
  type Producer,
  type QueueBackend,
  startConsumer,
} from '@inventoryrpa/queue'
import type { Bounds } from './next-concurrency.ts'
import type { Progress } from './progress.ts'
import { createTuner, type Reading } from './tuner.ts'

export type TunedConsumerDeps = {
  bounds: Bounds
  /** The queue as `chunks.queue` names it. */
  kind: QueueKind
  producer: Pick<Producer, 'queues'>
  db: LedgerDatabase
  progress: Progress
  logger: Logger
  metrics: Metrics
}

/** A consumer that finds out by itself how many jobs it should have in hand, and tells that it gets on. */
export const startTunedConsumer = (
  backend: QueueBackend,
  options: Omit<ConsumerOptions, 'concurrency'>,
  { bounds, kind, producer, db, progress, logger, metrics }: TunedConsumerDeps,
): Consumer => {
  const { queue } = options
  const inQueue = producer.queues.find(({ name }) => name === queue)
  let last: SettledCount | undefined

  const read = async (): Promise<Reading> => {
    const asked = performance.now()
    const settled = await countSettledLines(db, kind, last)
    const databaseMs = performance.now() - asked
    last = settled
    const jobsWait = inQueue !== undefined && (await measureDueJobs(inQueue)).due > 0
    return { systemLines: settled.linesSinceLast, jobsWait, databaseMs }
  }
  const countOwnLines = async () =>
    (await metrics.lines.get()).values.reduce((sum, { value }) => sum + value, 0)
  const onChange = (concurrency: number) => {
    consumer.concurrency = concurrency
    metrics.concurrency.set({ queue }, concurrency)
    logger.debug({ queue, concurrency }, 'jobs in hand at once')
  }
  const tuner = bounds.min < bounds.max ? createTuner({ bounds, read, onChange }) : undefined

  // Its connections are as many as it will ever need.
  const consumer = startConsumer(backend, {
    ...options,
    concurrency: bounds.max,
    onAttempt: (attempt) => {
      progress.step()
      if (attempt.outcome === 'outage') metrics.outages.inc({ queue })
      if (tuner) void countOwnLines().then((ownLines) => tuner.onAttempt({ ...attempt, ownLines }))
      options.onAttempt?.(attempt)
    },
  })
  onChange(bounds.min)
  return {
    get concurrency() {
      return consumer.concurrency
    },
    set concurrency(jobs) {
      consumer.concurrency = jobs
    },
    close: (graceMs) => {
      tuner?.close()
      return consumer.close(graceMs)
    },
  }
}

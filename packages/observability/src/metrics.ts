import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  readonly registry: Registry
  /** Seconds by method, route and status. */
  readonly httpDuration: Histogram<'method' | 'route' | 'status'>
  /** Lines by outcome, as chunks are settled. */
  readonly lines: Counter<'outcome'>
  /** Seconds of one attempt, by job and by how it ended. */
  readonly jobDuration: Histogram<'job' | 'outcome'>
  readonly relayed: Counter
  /** Seconds of one request to a stock source, by source and outcome. */
  readonly sourceDuration: Histogram<'source' | 'outcome'>
  /** Reads that the backup answered, by why the primary did not. */
  readonly sourceFailovers: Counter<'code'>
  /** 1 for the state that a source's breaker is in. */
  readonly sourceBreaker: Gauge<'source' | 'state'>
  readonly concurrency: Gauge<'queue'>
  readonly watchdog: Gauge<'queue'>
  readonly outages: Counter<'queue'>
  /** By how they ended: delivered, gone, or the error in the delivery's log. */
  readonly webhookAttempts: Counter<'outcome'>
  readonly eventStreams: Gauge
}

export type Backlog = {
  jobs: readonly { queue: string; state: string; jobs: number }[]
  queues: readonly {
    queue: string
    pendingLines: number
    dueLines: number
    oldestPendingSeconds: number
    drainSeconds: number
  }[]
  held: readonly { queue: string; heldSeconds: number }[]
  webhooks: { pending: number; dueSeconds: number }
}

/** Every metric there is, by its name. Units are seconds and lines. */
export const createMetrics = (service: string): Metrics => {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    httpDuration: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Duration of requests to the public API',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5],
      registers,
    }),
    lines: new Counter({
      name: 'inventoryrpa_lines_total',
      help: 'Lines that got their outcome',
      labelNames: ['outcome'],
      registers,
    }),
    jobDuration: new Histogram({
      name: 'inventoryrpa_job_attempt_duration_seconds',
      help: 'Duration of one attempt of a job; its count is the number of attempts',
      labelNames: ['job', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    sourceDuration: new Histogram({
      name: 'inventoryrpa_source_request_duration_seconds',
      help: 'Duration of one request to a stock source',
      labelNames: ['source', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
      registers,
    }),
    sourceFailovers: new Counter({
      name: 'inventoryrpa_source_failovers_total',
      help: 'Reads that the backup answered, by the code of what the primary failed with',
      labelNames: ['code'],
      registers,
    }),
    sourceBreaker: new Gauge({
      name: 'inventoryrpa_source_breaker',
      help: '1 for the state that the circuit breaker of a stock source is in',
      labelNames: ['source', 'state'],
      registers,
    }),
    relayed: new Counter({
      name: 'inventoryrpa_chunks_relayed_total',
      help: 'Chunks the queue did not know or took for finished, brought back by the relay',
      registers,
    }),
    concurrency: new Gauge({
      name: 'inventoryrpa_worker_concurrency',
      help: 'Jobs that this worker has in hand at once, at most',
      labelNames: ['queue'],
      registers,
    }),
    watchdog: new Gauge({
      name: 'inventoryrpa_watchdog_seconds',
      help: 'How long jobs have been due, everything in reach, and nothing done; it ends the worker at WATCHDOG_MS',
      labelNames: ['queue'],
      registers,
    }),
    outages: new Counter({
      name: 'inventoryrpa_queue_outages_total',
      help: 'How often this worker held a queue because what all its jobs need was away',
      labelNames: ['queue'],
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'inventoryrpa_webhook_attempts_total',
      help: 'Attempts to deliver a webhook, by how they ended',
      labelNames: ['outcome'],
      registers,
    }),
    eventStreams: new Gauge({
      name: 'inventoryrpa_event_streams',
      help: 'Streams of server-sent events that are open',
      registers,
    }),
  }
}

/** Measured anew at each scrape, once for all its gauges. When that fails they say nothing. */
export const exposeBacklog = ({ registry }: Metrics, measure: () => Promise<Backlog>): void => {
  let measuring: Promise<Backlog | undefined> | undefined
  const backlog = () => {
    measuring ??= measure()
      .catch(() => undefined)
      .finally(() => {
        measuring = undefined
      })
    return measuring
  }
  const registers = [registry]
  new Gauge({
    name: 'inventoryrpa_queue_jobs',
    help: 'Jobs by queue and state; those of a paused queue count as waiting',
    labelNames: ['queue', 'state'],
    registers,
    async collect() {
      const measured = await backlog()
      this.reset()
      for (const { queue, state, jobs } of measured?.jobs ?? []) this.set({ queue, state }, jobs)
    },
  })
  const gauge = (name: string, help: string, read: (backlog: Backlog) => [string, number][]) =>
    new Gauge({
      name,
      help,
      labelNames: ['queue'],
      registers,
      async collect() {
        const measured = await backlog()
        this.reset()
        for (const [queue, value] of measured ? read(measured) : []) this.set({ queue }, value)
      },
    })
  gauge('inventoryrpa_pending_lines', 'Lines accepted and not settled', ({ queues }) =>
    queues.map((it) => [it.queue, it.pendingLines]),
  )
  gauge(
    'inventoryrpa_due_lines',
    'Lines accepted and not settled that could be applied now',
    ({ queues }) => queues.map((it) => [it.queue, it.dueLines]),
  )
  gauge(
    'inventoryrpa_oldest_pending_seconds',
    'Age of the oldest line that is accepted and not settled',
    ({ queues }) => queues.map((it) => [it.queue, it.oldestPendingSeconds]),
  )
  gauge(
    'inventoryrpa_drain_seconds',
    'When all that is pending will be settled at the rate of the last minute; 86400 when nothing moves',
    ({ queues }) => queues.map((it) => [it.queue, it.drainSeconds]),
  )
  gauge(
    'inventoryrpa_queue_held_seconds',
    'For how long a queue is still held because what all its jobs need is away; 0 when it is not',
    ({ held }) => held.map((it) => [it.queue, it.heldSeconds]),
  )
  const webhooks = (name: string, help: string, value: (it: Backlog['webhooks']) => number) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const measured = await backlog()
        this.reset()
        if (measured) this.set(value(measured.webhooks))
        else this.remove()
      },
    })
  webhooks(
    'inventoryrpa_pending_webhooks',
    'Webhook deliveries that are neither delivered nor given up',
    ({ pending }) => pending,
  )
  webhooks(
    'inventoryrpa_webhooks_due_seconds',
    'For how long the webhook delivery that is due the longest has been; 0 when none is',
    ({ dueSeconds }) => dueSeconds,
  )
}

import { type QueueKind, queueKinds } from '@inventoryrpa/contracts'
import {
  type ChunkRef,
  isMigrated,
  listSourceKeys,
  openLedger,
  type StockKey,
} from '@inventoryrpa/ledger'
import {
  createLogger,
  createMetrics,
  type ErrorReporting,
  type Logger,
  opsRoutes,
} from '@inventoryrpa/observability'
import {
  type Consumer,
  type ConsumerOptions,
  createBackend,
  createProducer,
  jobNames,
  queueNames,
  startWhenUsable,
} from '@inventoryrpa/queue'
import Fastify from 'fastify'
import type { Config } from './config.ts'
import { suspectLeftovers } from './leftovers.ts'
import { lookAround } from './look-around.ts'
import { startLoopWatch } from './loop-watch.ts'
import type { Bounds } from './next-concurrency.ts'
import { applyChunkHandler } from './processors/apply-chunk.ts'
import { applyIsolated } from './processors/isolated-apply.ts'
import { releaseHeldHandler } from './processors/release-held.ts'
import { submitSyncHandler } from './processors/submit-sync.ts'
import { createProgress, type Progress } from './progress.ts'
import { startRelay } from './relay.ts'
import { readSource } from './source-readings.ts'
import { openStockSource } from './stock-source.ts'
import { startTunedConsumer } from './tuned-consumer.ts'
import { createPlace, createTurns, type EnqueueChunks } from './turns.ts'
import { startWatchdog, type WorkerWedgedError } from './watchdog.ts'
import { startWebhookConsumer } from './webhook-consumer.ts'
import { createWebhookDispatch } from './webhook-dispatch.ts'

/** Small chunks in hand beside the others: one may wait for a level that its tenant's large batch holds. */
const expressSlots = 2
/** Plans wait for nobody's locks. */
const planSlots = 1

/** Of webhooks, which ask the ledger before and after they have waited for a receiver. */
const webhookConnections = 4

/** Lines of one transaction, or about so: it holds their levels for some 200 ms, or 30. */
const maxLinesTogether = {
  apply: 8_000,
  express: 1_000,
  sync: 8_000,
  plan: 1_000,
} satisfies Record<QueueKind, number>

export type RunningWorker = { opsUrl: string; logger: Logger; close(): Promise<void> }

/**
 * Connects, consumes and answers probes. Stateless: any number of them may run beside each other.
 * @param name tells it from the others, in the history of jobs
 * @param onWedged told when only a restart helps
 */
export const startWorker = async (
  config: Config,
  reporting: ErrorReporting,
  {
    pretty,
    name,
    onWedged,
  }: { pretty: boolean; name: string; onWedged: (error: WorkerWedgedError) => void },
): Promise<RunningWorker> => {
  const logger = createLogger({
    service: 'worker',
    level: config.LOG_LEVEL,
    pretty,
    traceContext: reporting.traceContext,
  })
  await using releasers = new AsyncDisposableStack()
  const metrics = createMetrics('worker')
  const policy = {
    attempts: config.JOB_ATTEMPTS,
    backoffMs: config.JOB_BACKOFF_MS,
    backoffMaxMs: config.JOB_BACKOFF_MAX_MS,
  }
  const slots: Record<QueueKind, Bounds> = {
    apply: config.WORKER_CONCURRENCY,
    express: { min: expressSlots, max: expressSlots },
    sync: { min: config.SYNC_CONCURRENCY, max: config.SYNC_CONCURRENCY },
    plan: { min: planSlots, max: planSlots },
  }
  const hasStockSource = config.STOCK_SOURCE_URL !== undefined
  const kinds = queueKinds.filter(
    (kind) => config.WORKER_QUEUES.includes(kind) && (kind !== 'sync' || hasStockSource),
  )
  const ledger = releasers.adopt(
    openLedger({
      databaseUrl: config.DATABASE_URL,
      applicationName: 'inventoryrpa-worker',
      // Beside the chunks in hand: the relay's lock and its look-ups, and the probes.
      maxConnections: kinds.reduce((sum, kind) => sum + slots[kind].max, 3 + webhookConnections),
      onError: (err) => logger.warn({ err }, 'an idle PostgreSQL connection broke'),
    }),
    (it) => it.close(),
  )
  const backendOptions = {
    redisUrl: config.REDIS_URL,
    databaseUrl: config.DATABASE_URL,
    prefix: config.QUEUE_PREFIX,
  }
  const backend = releasers.adopt(
    createBackend({
      ...backendOptions,
      tracing: reporting.enabled,
      onError: (err) => logger.warn({ err }, 'queue connection error'),
    }),
    (it) => it.close(),
  )
  const progress = {
    apply: createProgress(),
    express: createProgress(),
    sync: createProgress(),
    plan: createProgress(),
  } satisfies Record<QueueKind, Progress>
  let wedged: WorkerWedgedError | undefined
  const ops = releasers.adopt(Fastify({ forceCloseConnections: true }), (it) => it.close())
  await ops.register(opsRoutes, {
    metrics,
    wedged: () => wedged?.message,
    readiness: {
      postgres: async () =>
        (await isMigrated(ledger.db)) ? undefined : 'migrations have not all run',
      queue: backend.check,
    },
  })
  const source = openStockSource(config, { logger, metrics })
  if (source) releasers.adopt(source, (it) => it.close())
  const work = async () => {
    const producer = createProducer(backend, policy)
    await suspectLeftovers({ db: ledger.db, producer, logger }, maxLinesTogether)
    const relay = startRelay({
      db: ledger.db,
      producer,
      logger,
      metrics,
      source,
      recountAfterSeconds: config.RECOUNT_AFTER_SECONDS,
    })
    const dispatch = createWebhookDispatch({ db: ledger.db, producer, logger })
    const place = createPlace({ db: ledger.db, producer })
    const enqueueChunks: EnqueueChunks = async (chunks) =>
      producer.enqueueChunks(await place(chunks))
    const handlers = (kind: QueueKind): ConsumerOptions['handlers'] => {
      const db = ledger.watched(progress[kind].statement)
      const applyDeps = {
        db,
        logger,
        metrics,
        workerName: name,
        applyIsolated,
        enqueueChunks,
        turns: createTurns({ db, producer }, kind),
        takesWaiting: kind === 'apply' || kind === 'express',
        onCompleted: dispatch.soon,
        maxLinesTogether: maxLinesTogether[kind],
        report: reporting.report,
      }
      if (kind !== 'sync' || !source) {
        return { [jobNames.applyChunk]: applyChunkHandler(applyDeps) }
      }
      const read = async (keys: StockKey[]) => {
        const readings = await readSource(source, keys)
        progress.sync.step()
        return readings
      }
      const readings = async (ref: ChunkRef) => read(await listSourceKeys(db, ref))
      return {
        [jobNames.applyChunk]: applyChunkHandler({ ...applyDeps, readings }),
        [jobNames.submitSync]: submitSyncHandler({ db, logger, enqueueChunks }),
        [jobNames.releaseHeld]: releaseHeldHandler({ db, logger, metrics, read }),
      }
    }
    const consumers: Pick<Consumer, 'close'>[] = kinds.map((kind) =>
      startTunedConsumer(
        backend,
        {
          queue: queueNames[kind],
          handlers: handlers(kind),
          policy,
          workerName: name,
          onAttempt: ({ name: job, seconds, outcome }) =>
            metrics.jobDuration.observe({ job, outcome }, seconds),
        },
        {
          bounds: slots[kind],
          kind,
          producer,
          db: ledger.db,
          progress: progress[kind],
          logger,
          metrics,
        },
      ),
    )
    if (kinds.includes('apply')) {
      consumers.push(
        startWebhookConsumer(backend, {
          db: ledger.db,
          logger,
          metrics,
          workerName: name,
          policy,
          backoffMs: config.WEBHOOK_BACKOFF_MS,
          allowedHosts: config.WEBHOOK_ALLOWED_HOSTS,
          onAnswered: dispatch.soon,
        }),
      )
    }
    return async () => {
      const closed = await Promise.all(consumers.map((it) => it.close(config.SHUTDOWN_GRACE_MS)))
      if (!closed.every(Boolean)) {
        logger.warn('the grace period is over; unfinished chunks go to another worker')
      }
      await dispatch.close()
      await relay.close()
      await producer.close()
    }
  }
  releasers.adopt(
    startWhenUsable(backend, work, {
      onWait: (fault) => logger.warn({ fault }, 'waiting for the queue'),
    }),
    (it) => it.close(),
  )
  if (config.WATCHDOG_MS > 0) {
    const limitMs = config.WATCHDOG_MS
    releasers.adopt(startLoopWatch({ limitMs }), (it) => it.close())
    for (const kind of kinds) {
      const queue = queueNames[kind]
      releasers.adopt(
        startWatchdog({
          queue,
          progress: progress[kind],
          look: lookAround(backendOptions, queue),
          limitMs,
          onWait: (seconds) => metrics.watchdog.set({ queue }, seconds),
          onWedged: (error) => {
            wedged = error
            logger.fatal({ err: error }, 'this worker is wedged: only a restart helps')
            onWedged(error)
          },
        }),
        (it) => it.close(),
      )
    }
  }
  const opsUrl = await ops.listen({ host: config.OPS_HOST, port: config.OPS_PORT })
  logger.info({ opsUrl, queue: backend.kind, concurrency: config.WORKER_CONCURRENCY }, 'ready')

  const held = releasers.move()
  return { opsUrl, logger, close: () => held.disposeAsync() }
}

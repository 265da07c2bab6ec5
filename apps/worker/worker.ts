import { type ChunkRef, isMigrated, listSourceKeys, openLedger } from '@inventoryrpa/ledger'
import {
  createLogger,
  createMetrics,
  type ErrorReporting,
  type Logger,
  opsRoutes,
} from '@inventoryrpa/observability'
import {
  type ConsumerOptions,
  createBackend,
  createProducer,
  jobNames,
  queueNames,
  startConsumer,
  startWhenUsable,
} from '@inventoryrpa/queue'
import Fastify from 'fastify'
import type { Config } from './config.ts'
import { applyChunkHandler } from './processors/apply-chunk.ts'
import { applyIsolated } from './processors/isolated-apply.ts'
import { releaseHeldHandler } from './processors/release-held.ts'
import { submitSyncHandler } from './processors/submit-sync.ts'
import { startRelay } from './relay.ts'
import { readSource } from './source-readings.ts'
import { openStockSource } from './stock-source.ts'

export type RunningWorker = { opsUrl: string; logger: Logger; close(): Promise<void> }

/**
 * Connects, consumes and answers probes. Stateless: any number of them may run beside each other.
 * @param name tells it from the others, in the history of jobs
 */
export const startWorker = async (
  config: Config,
  reporting: ErrorReporting,
  { pretty, name }: { pretty: boolean; name: string },
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
  const ledger = releasers.adopt(
    openLedger({
      databaseUrl: config.DATABASE_URL,
      applicationName: 'inventoryrpa-worker',
      // Beside the chunks in hand: the relay's lock and its look-ups, and the probes.
      maxConnections: config.WORKER_CONCURRENCY + config.SYNC_CONCURRENCY + 3,
      onError: (err) => logger.warn({ err }, 'an idle PostgreSQL connection broke'),
    }),
    (it) => it.close(),
  )
  const backend = releasers.adopt(
    createBackend({
      redisUrl: config.REDIS_URL,
      databaseUrl: config.DATABASE_URL,
      prefix: config.QUEUE_PREFIX,
      tracing: reporting.enabled,
      onError: (err) => logger.warn({ err }, 'queue connection error'),
    }),
    (it) => it.close(),
  )
  const ops = releasers.adopt(Fastify({ forceCloseConnections: true }), (it) => it.close())
  await ops.register(opsRoutes, {
    metrics,
    readiness: {
      postgres: async () =>
        (await isMigrated(ledger.db)) ? undefined : 'migrations have not all run',
      queue: backend.check,
    },
  })
  const source = openStockSource(config, { logger, metrics })
  if (source) releasers.adopt(source, (it) => it.close())
  const work = () => {
    const producer = createProducer(backend, policy)
    const relay = startRelay({
      db: ledger.db,
      producer,
      logger,
      metrics,
      source,
      recountAfterSeconds: config.RECOUNT_AFTER_SECONDS,
    })
    const chunkDeps = {
      db: ledger.db,
      logger,
      metrics,
      workerName: name,
      applyIsolated,
      enqueueChunks: producer.enqueueChunks,
      report: reporting.report,
    }
    const consume = (
      queue: ConsumerOptions['queue'],
      concurrency: number,
      handlers: ConsumerOptions['handlers'],
    ) =>
      startConsumer(backend, {
        queue,
        handlers,
        policy,
        concurrency,
        workerName: name,
        onAttempt: ({ name: job, seconds, outcome }) =>
          metrics.jobDuration.observe({ job, outcome }, seconds),
      })
    const consumers = [
      consume(queueNames.apply, config.WORKER_CONCURRENCY, {
        [jobNames.applyChunk]: applyChunkHandler(chunkDeps),
      }),
    ]
    if (source) {
      const readings = async (ref: ChunkRef) =>
        readSource(source, await listSourceKeys(ledger.db, ref))
      consumers.push(
        consume(queueNames.sync, config.SYNC_CONCURRENCY, {
          [jobNames.applyChunk]: applyChunkHandler({ ...chunkDeps, readings }),
          [jobNames.submitSync]: submitSyncHandler({ ...chunkDeps }),
          [jobNames.releaseHeld]: releaseHeldHandler({ db: ledger.db, logger, metrics, source }),
        }),
      )
    }
    return async () => {
      const closed = await Promise.all(consumers.map((it) => it.close(config.SHUTDOWN_GRACE_MS)))
      if (!closed.every(Boolean)) {
        logger.warn('the grace period is over; unfinished chunks go to another worker')
      }
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
  const opsUrl = await ops.listen({ host: config.OPS_HOST, port: config.OPS_PORT })
  logger.info({ opsUrl, queue: backend.kind, concurrency: config.WORKER_CONCURRENCY }, 'ready')

  const held = releasers.move()
  return { opsUrl, logger, close: () => held.disposeAsync() }
}

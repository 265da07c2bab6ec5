import {
  isMigrated,
  type LedgerDatabase,
  measureBacklog,
  measureWebhooks,
  openLedger,
} from '@inventoryrpa/ledger'
import {
  createLogger,
  createMetrics,
  type ErrorReporting,
  exposeBacklog,
  type Logger,
} from '@inventoryrpa/observability'
import {
  createBackend,
  createProducer,
  measureDueJobs,
  measureQueues,
  untilUsable,
} from '@inventoryrpa/queue'
import { buildApp } from './app.ts'
import { createBacklogLimit } from './backlog-limit.ts'
import type { Config } from './config.ts'
import { createEnqueuer } from './enqueuer.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import { createKeyUse } from './key-use.ts'
import { buildOps } from './ops.ts'
import { createTokenVerifier } from './token-verifier.ts'
import { createUploadSlots } from './uploads/upload-slots.ts'

export type Server = { publicUrl: string; opsUrl: string; logger: Logger; close(): Promise<void> }

/** So that the first batches need no relay; after it the API serves without a queue. */
const queueConnectMs = 1_000

/** Longer than a sender is waited for. */
const uploadIdleMs = 60_000

/** Connects and listens. What was acquired is released last in, first out, also when a later step fails. */
export const startServer = async (
  config: Config,
  reporting: ErrorReporting,
  { pretty }: { pretty: boolean },
): Promise<Server> => {
  const logger = createLogger({
    service: 'api',
    level: config.LOG_LEVEL,
    pretty,
    traceContext: reporting.traceContext,
  })
  await using releasers = new AsyncDisposableStack()
  const ledger = releasers.adopt(
    openLedger({
      databaseUrl: config.DATABASE_URL,
      applicationName: 'inventoryrpa-api',
      maxConnections: config.DATABASE_CONNECTIONS,
      onError: (err) => logger.warn({ err }, 'an idle PostgreSQL connection broke'),
    }),
    (it) => it.close(),
  )
  // An upload's transaction is open as long as its sender takes: it takes no connection from others.
  const uploadLedger = releasers.adopt(
    openLedger({
      databaseUrl: config.DATABASE_URL,
      applicationName: 'inventoryrpa-api-uploads',
      maxConnections: config.UPLOADS_AT_ONCE,
      idleInTransactionMs: uploadIdleMs,
      onError: (err) => logger.warn({ err }, 'an idle PostgreSQL connection broke'),
    }),
    (it) => it.close(),
  )
  const keyUse = releasers.adopt(createKeyUse({ db: ledger.db, logger }), (it) => it.flush())
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
  await untilUsable(backend, {
    timeoutMs: queueConnectMs,
    everyMs: 50,
    onWait: (fault) => logger.info({ fault }, 'waiting for the queue'),
  })
  const producer = releasers.adopt(
    createProducer(backend, {
      attempts: config.JOB_ATTEMPTS,
      backoffMs: config.JOB_BACKOFF_MS,
      backoffMaxMs: config.JOB_BACKOFF_MAX_MS,
    }),
    (it) => it.close(),
  )
  const enqueuer = releasers.adopt(createEnqueuer({ db: ledger.db, producer, logger }), (it) =>
    it.drain(),
  )
  const metrics = createMetrics('api')
  exposeBacklog(metrics, async () => ({
    queues: await measureBacklog(ledger.db),
    jobs: await measureQueues(producer.queues),
    held: await Promise.all(
      producer.queues.map(async (queue) => ({
        queue: queue.name,
        ...(await measureDueJobs(queue)),
      })),
    ),
    webhooks: await measureWebhooks(ledger.db),
  }))

  const app = releasers.adopt(
    await buildApp({
      db: ledger.db,
      enqueuer,
      keyUse,
      verifyToken: tokenVerifierOf(config, ledger.db, logger),
      issuer: config.OIDC_ISSUER,
      backlogLimit: createBacklogLimit({
        db: ledger.db,
        limitLines: config.BACKLOG_LIMIT_LINES || Number.POSITIVE_INFINITY,
        logger,
      }),
      requestsPerSecond: config.RATE_LIMIT_PER_SECOND,
      trustedProxies: config.TRUSTED_PROXIES,
      logger,
      metrics,
      report: reporting.report,
      maxChunkLines: config.CHUNK_LINES,
      hasStockSource: config.STOCK_SOURCE_URL !== undefined,
      webhookAllowedHosts: config.WEBHOOK_ALLOWED_HOSTS,
      eventStreams: config.EVENT_STREAMS,
      eventHeartbeatMs: config.EVENT_HEARTBEAT_MS,
      uploads: {
        db: uploadLedger.db,
        slots: createUploadSlots(config.UPLOADS_AT_ONCE),
        maxBytes: config.UPLOAD_MAX_BYTES,
      },
    }),
    (it) => it.close(),
  )
  const ops = releasers.adopt(
    await buildOps({
      db: ledger.db,
      logger,
      metrics,
      readiness: {
        postgres: async () =>
          (await isMigrated(ledger.db)) ? undefined : 'migrations have not all run',
        queue: backend.check,
      },
      queues: producer.queues,
      user: config.OPS_USER,
      password: config.OPS_PASSWORD,
    }),
    (it) => it.close(),
  )
  const opsUrl = await ops.listen({ host: config.OPS_HOST, port: config.OPS_PORT })
  const publicUrl = await app.listen({ host: config.HOST, port: config.PORT })
  logger.info({ publicUrl, opsUrl, queue: backend.kind }, 'ready')

  const held = releasers.move()
  return { publicUrl, opsUrl, logger, close: () => held.disposeAsync() }
}

const tokenVerifierOf = (config: Config, db: LedgerDatabase, logger: Logger) => {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience } = config
  if (issuer === undefined || audience === undefined) return undefined
  const keys = createIssuerKeys({
    issuer,
    jwksUrl: config.OIDC_JWKS_URL,
    onError: (err) => logger.warn({ err }, 'the token issuer does not answer'),
  })
  return createTokenVerifier({ db, issuer, audience, tenantClaim: config.OIDC_TENANT_CLAIM, keys })
}

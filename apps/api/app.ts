import type { LedgerDatabase } from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { BacklogLimit } from './backlog-limit.ts'
import { createCallbackCheck } from './callback-check.ts'
import type { Enqueuer } from './enqueuer.ts'
import { createExpressWay } from './express-way.ts'
import type { KeyUse } from './key-use.ts'
import { authenticationPlugin } from './plugins/authentication.ts'
import { authorizationPlugin } from './plugins/authorization.ts'
import { backlogLimitPlugin } from './plugins/backlog-limit.ts'
import { jsonBodyPlugin } from './plugins/json-body.ts'
import { openapiPlugin } from './plugins/openapi.ts'
import { answerFrameworkError, problemsPlugin } from './plugins/problems.ts'
import { rateLimitPlugin } from './plugins/rate-limit.ts'
import { requestMetricsPlugin } from './plugins/request-metrics.ts'
import { slowClientsPlugin } from './plugins/slow-clients.ts'
import { batchRoutes } from './routes/batches.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { discrepancyRoutes } from './routes/discrepancies.ts'
import { eventRoutes } from './routes/events.ts'
import { guardRoutes } from './routes/guard.ts'
import { keyRoutes } from './routes/keys.ts'
import { planRoutes } from './routes/plans.ts'
import { reportRoutes } from './routes/report.ts'
import { scheduleRoutes } from './routes/schedules.ts'
import { stockRoutes } from './routes/stock.ts'
import { type UploadDeps, uploadConstraint, uploadRoutes } from './routes/uploads.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import type { VerifyToken } from './token-verifier.ts'

export type AppDeps = {
  db: LedgerDatabase
  enqueuer: Enqueuer
  keyUse: KeyUse
  /** With them, tokens of this issuer are taken for API keys. */
  verifyToken: VerifyToken | undefined
  issuer: string | undefined
  backlogLimit: BacklogLimit
  /** Of one key; 0: any number. */
  requestsPerSecond: number
  /** Addresses whose X-Forwarded-For says where a request comes from. */
  trustedProxies: readonly string[]
  logger: Logger
  metrics: Metrics
  report: (error: unknown, context: Record<string, unknown>) => void
  maxChunkLines: number
  hasStockSource: boolean
  /** Hosts of webhooks that may be in private networks. */
  webhookAllowedHosts: readonly string[]
  /** Streams of events that may be open at once. */
  eventStreams: number
  eventHeartbeatMs: number
  uploads: UploadDeps
}

/** 10,000 lines with every field at its longest in plain text come to about 5 MB. */
const bodyLimitBytes = 8 * 1024 * 1024

/** The API answers within 1.5 s, whatever is away: what is stored by then is found again by its key. */
const handlerTimeoutMs = 1_300

/** A client that sends or reads this slowly is cut off. */
const slowAfterMs = 30_000

/** The public listener. Nothing connects and nothing listens yet. */
export const buildApp = async (deps: AppDeps): Promise<FastifyInstance> => {
  const app = Fastify({
    loggerInstance: deps.logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => crypto.randomUUID(),
    bodyLimit: bodyLimitBytes,
    handlerTimeout: handlerTimeoutMs,
    // Only until the headers are there; from then on slowClientsPlugin tells who may take longer.
    http: { headersTimeout: slowAfterMs },
    routerOptions: { maxParamLength: 512, constraints: { body: uploadConstraint } },
    forceCloseConnections: 'idle',
    trustProxy: deps.trustedProxies.length > 0 && [...deps.trustedProxies],
    frameworkErrors: answerFrameworkError,
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)

  const expressWay = createExpressWay()
  await app.register(problemsPlugin, { report: deps.report })
  await app.register(requestMetricsPlugin, { metrics: deps.metrics })
  await app.register(slowClientsPlugin, { slowAfterMs })
  await app.register(jsonBodyPlugin)
  await app.register(openapiPlugin, deps)
  await app.register(
    async (v1) => {
      await v1.register(authenticationPlugin, deps)
      await v1.register(rateLimitPlugin, deps)
      await v1.register(authorizationPlugin)
      await v1.register(backlogLimitPlugin, deps)
      const checkCallback = createCallbackCheck(deps.db, deps.webhookAllowedHosts)
      await v1.register(batchRoutes, { ...deps, checkCallback, expressWay })
      await v1.register(deadLetterRoutes, deps)
      await v1.register(discrepancyRoutes, deps)
      await v1.register(eventRoutes, deps)
      await v1.register(guardRoutes, deps)
      await v1.register(planRoutes, deps)
      await v1.register(keyRoutes, deps)
      await v1.register(scheduleRoutes, deps)
      await v1.register(reportRoutes, deps)
      await v1.register(stockRoutes, deps)
      await v1.register(webhookRoutes, deps)
      await v1.register(uploadRoutes, { ...deps, checkCallback, expressWay })
    },
    { prefix: '/v1' },
  )
  return app as unknown as FastifyInstance
}

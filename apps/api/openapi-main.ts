import { createLogger, createMetrics } from '@inventoryrpa/observability'
import { type AppDeps, buildApp } from './app.ts'

/** Nothing is asked of it: no request is answered. */
const absent = undefined as never

const deps: AppDeps = {
  db: absent,
  enqueuer: absent,
  keyUse: absent,
  verifyToken: undefined,
  issuer: undefined,
  backlogLimit: absent,
  uploads: absent,
  logger: createLogger({ service: 'api', level: 'silent', pretty: false }),
  metrics: createMetrics('api'),
  report: () => undefined,
  requestsPerSecond: 0,
  trustedProxies: [],
  maxChunkLines: 1,
  hasStockSource: false,
  webhookAllowedHosts: [],
  eventStreams: 1,
  eventHeartbeatMs: 15_000,
}

/** Prints the OpenAPI document as the API serves it, without connecting to anything. */
const app = await buildApp(deps)
await app.ready()
process.stdout.write(`${JSON.stringify(app.swagger(), null, 2)}\n`)
await app.close()

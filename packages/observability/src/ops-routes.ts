import type { FastifyPluginAsync } from 'fastify'
import { checkReadiness, type HealthCheck } from './health.ts'
import type { Metrics } from './metrics.ts'

export type OpsRoutesOptions = {
  metrics: Metrics
  readiness: Readonly<Record<string, HealthCheck>>
  /** @returns why only a restart helps, or undefined */
  wedged?: () => string | undefined
}

/**
 * What every process answers on its ops listener. `/livez` says that the event loop turns and that the
 * process is not wedged, nothing else: a restart heals no PostgreSQL. `/readyz` names each dependency and what is wrong with it.
 */
export const opsRoutes: FastifyPluginAsync<OpsRoutesOptions> = async (
  app,
  { metrics, readiness, wedged = () => undefined },
) => {
  app.get('/livez', async (_request, reply) => {
    const fault = wedged()
    return fault === undefined ? { live: true } : reply.code(503).send({ live: false, fault })
  })
  app.get('/readyz', async (_request, reply) => {
    const result = await checkReadiness(readiness)
    return reply.code(result.ready ? 200 : 503).send(result)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
}

import type { Metrics } from '@inventoryrpa/observability'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a route whose durations depend on its caller and would spoil those of its path. */
    measuredAs?: string
  }
}

/** Durations by route pattern, so that ids make no series of their own. */
export const requestMetricsPlugin = fp<{ metrics: Metrics }>(
  async (app, { metrics }) => {
    app.addHook('onResponse', async (request, reply) => {
      const labels = {
        method: request.method,
        route: request.routeOptions.config.measuredAs ?? request.routeOptions.url ?? 'none',
        status: reply.statusCode,
      }
      // A stream lasts as long as its reader likes.
      if (!isStream(reply)) metrics.httpDuration.observe(labels, reply.elapsedTime / 1_000)
      request.log.info({ ...labels, ms: Math.round(reply.elapsedTime) }, 'request answered')
    })
  },
  { name: 'request-metrics' },
)

const isStream = (reply: FastifyReply) =>
  String(reply.getHeader('content-type')).startsWith('text/event-stream')

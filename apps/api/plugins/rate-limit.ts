import fp from 'fastify-plugin'
import { ProblemError } from './problems.ts'

const windowMs = 1_000

/** Requests of one key a second, in this process; no address counts, so none can be pretended. */
export const rateLimitPlugin = fp<{ requestsPerSecond: number }>(
  async (app, { requestsPerSecond }) => {
    if (requestsPerSecond === 0) return
    const countRequests = app.createRateLimit({
      max: requestsPerSecond,
      timeWindow: windowMs,
      keyGenerator: ({ apiKey }) => `${apiKey.tenantId} ${apiKey.id}`,
    })
    app.addHook('onRequest', async (request) => {
      const counted = await countRequests(request)
      if (counted.isAllowed || !counted.isExceeded) return
      const detail = `a key may send ${requestsPerSecond} requests a second`
      throw new ProblemError('rate-limited', detail, { retryAfterSeconds: windowMs / 1_000 })
    })
  },
  { name: 'rate-limit', dependencies: ['authentication'] },
)

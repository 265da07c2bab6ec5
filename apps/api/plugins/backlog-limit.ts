import fp from 'fastify-plugin'
import type { BacklogLimit } from '../backlog-limit.ts'
import { ProblemError } from './problems.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** It adds lines to the backlog: refused while too many of its tenant wait. */
    addsLines?: boolean
  }
}

/** Refuses what would add to a full backlog, before the body is read. */
export const backlogLimitPlugin = fp<{ backlogLimit: BacklogLimit }>(
  async (app, { backlogLimit }) => {
    app.addHook('onRequest', async ({ apiKey, routeOptions }) => {
      if (!routeOptions.config.addsLines) return
      const retryAfterSeconds = await backlogLimit.secondsUntilRoom(apiKey.tenantId)
      if (retryAfterSeconds === 0) return
      const detail = 'too many of your lines wait to be applied; nothing was stored'
      throw new ProblemError('backlog-full', detail, { retryAfterSeconds })
    })
  },
  { name: 'backlog-limit', dependencies: ['authorization'] },
)

import { timingSafeEqual } from 'node:crypto'
import basicAuth from '@fastify/basic-auth'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who has shown the right credentials. */
    operator: string | undefined
  }
}

const reads = new Set(['GET', 'HEAD'])

export type OperatorAccessOptions = { user: string; password: string }

/** Basic authentication for every route beside it, and a record of each action. */
export const operatorAccessPlugin = fp<OperatorAccessOptions>(
  async (app, { user, password }) => {
    await app.register(basicAuth, {
      authenticate: { realm: 'InventoryRPA operations' },
      validate: async (givenUser, givenPassword, request) => {
        const matches = [isSame(givenUser, user), isSame(givenPassword, password)]
        if (matches.includes(false)) throw new Error('wrong user or password')
        request.operator = user
      },
    })
    app.decorateRequest('operator', undefined)
    app.addHook('onRequest', app.basicAuth)
    app.addHook('onRequest', async (request, reply) => {
      // A browser sends the credentials along with a forged request, too; it cannot forge its origin.
      const { origin, host } = request.headers
      if (!reads.has(request.method) && origin !== undefined && URL.parse(origin)?.host !== host) {
        return reply.code(403).send({ error: 'a request from another origin is refused' })
      }
    })
    app.addHook('onResponse', async (request, reply) => {
      const { operator } = request
      if (reads.has(request.method) || operator === undefined) return
      const action = {
        operator,
        method: request.method,
        url: request.url,
        status: reply.statusCode,
      }
      request.log.info(action, 'operator action')
    })
  },
  { name: 'operator-access' },
)

/** In constant time for texts of one length; the length itself is no secret worth hiding. */
const isSame = (given: string, expected: string) => {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

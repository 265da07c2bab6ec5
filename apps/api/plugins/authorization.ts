import type { Scope } from '@inventoryrpa/contracts'
import fp from 'fastify-plugin'
import { ProblemError } from './problems.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the key of a caller must allow. */
    scope?: Scope
  }
}

/**
 * Every route in the scope of this plugin names what its caller's key must allow, or the process does
 * not start. Runs before the body is read.
 */
export const authorizationPlugin = fp(
  async (app) => {
    app.addHook('onRoute', ({ url, config }) => {
      if (!config?.scope) throw new Error(`route ${url} names no scope`)
    })
    app.addHook('onRequest', async ({ apiKey, routeOptions }) => {
      const { scope } = routeOptions.config
      if (scope && !apiKey.scopes.has(scope) && !apiKey.scopes.has('admin')) {
        throw new ProblemError('forbidden', `the API key lacks the scope ${scope}`)
      }
    })
  },
  { name: 'authorization', dependencies: ['authentication'] },
)

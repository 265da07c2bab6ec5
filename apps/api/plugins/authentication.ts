import type { Scope } from '@inventoryrpa/contracts'
import { type ApiKey, findApiKey, type LedgerDatabase } from '@inventoryrpa/ledger'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import { ProblemError } from './problems.ts'

declare module 'fastify' {
  interface FastifyRequest {
    apiKey: ApiKey
  }
  interface FastifyContextConfig {
    /** What the key of a caller must allow. */
    scope?: Scope
  }
}

/** A revoked key works on for at most this long; meanwhile a request costs no look-up. */
const cacheTtlMs = 5_000
const cacheSize = 10_000

/**
 * Every route in the scope of this plugin names what its caller's key must allow, or the process does
 * not start. Runs before the body is read.
 */
export const authenticationPlugin = fp<{ db: LedgerDatabase }>(
  async (app, { db }) => {
    const known = new LRUCache<string, ApiKey>({ max: cacheSize, ttl: cacheTtlMs })

    app.decorateRequest('apiKey', null as unknown as ApiKey)
    app.addHook('onRoute', ({ url, config }) => {
      if (!config?.scope) throw new Error(`route ${url} names no scope`)
    })
    app.addHook('onRequest', async (request) => {
      const [, presented] = /^Bearer (\S{1,256})$/i.exec(request.headers.authorization ?? '') ?? []
      if (presented === undefined) {
        throw new ProblemError('unauthorized', 'send the header Authorization: Bearer <api key>')
      }
      const apiKey = known.get(presented) ?? (await findApiKey(db, presented))
      if (!apiKey) throw new ProblemError('unauthorized', 'the API key is unknown or revoked')
      known.set(presented, apiKey, { noUpdateTTL: true })
      const { scope } = request.routeOptions.config
      if (scope && !apiKey.scopes.has(scope) && !apiKey.scopes.has('admin')) {
        throw new ProblemError('forbidden', `the API key lacks the scope ${scope}`)
      }
      request.apiKey = apiKey
    })
  },
  { name: 'authentication', dependencies: ['problems'] },
)

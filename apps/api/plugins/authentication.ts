import { hash } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import { type ApiKey, findApiKey, type LedgerDatabase } from '@inventoryrpa/ledger'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LRUCache } from 'lru-cache'
import type { KeyUse } from '../key-use.ts'
import type { VerifyToken } from '../token-verifier.ts'
import { ProblemError } from './problems.ts'

declare module 'fastify' {
  interface FastifyRequest {
    apiKey: ApiKey
  }
  interface FastifyInstance {
    /** Has a key looked up again at its next use, in this process. */
    forgetKey(id: string): void
  }
}

export type AuthenticationOptions = {
  db: LedgerDatabase
  keyUse: KeyUse
  /** Absent: only API keys open anything. */
  verifyToken: VerifyToken | undefined
}

/** What was revoked works on for at most this long; meanwhile a request costs no look-up. */
const cacheTtlMs = 5_000
const cacheSize = 10_000

/** Each costs a look-up. Secrets are too long to be guessed at any rate. */
const mostFailures = 1_000
const failuresWindowMs = 10_000

/** No header may be longer than 16 KiB anyway, all of them together. */
const bearer = /^Bearer (\S{1,8192})$/i
const isOwnKey = (presented: string) => presented.startsWith('irpa_')
/** Tokens are long, and there may be as many as there is room for. */
const cacheKey = (presented: string) =>
  isOwnKey(presented) ? presented : hash('sha256', presented, 'base64url')

/**
 * Finds out whose request it is, before the body is read. Those that failed too often lately, by their
 * address, are not looked up; whoever was known before is.
 */
export const authenticationPlugin = fp<AuthenticationOptions>(
  async (app, { db, keyUse, verifyToken }) => {
    await app.register(rateLimit, { global: false })
    const countFailures = app.createRateLimit({ max: mostFailures, timeWindow: failuresWindowMs })
    // What is stale is kept: it tells who was known.
    const known = new LRUCache<string, ApiKey>({
      max: cacheSize,
      ttl: cacheTtlMs,
      noDeleteOnStaleGet: true,
    })

    const lookUp = async (presented: string) => {
      if (verifyToken && !isOwnKey(presented)) return verifyToken(presented)
      const found = await findApiKey(db, presented)
      return found ?? 'the API key is unknown, revoked or was rotated'
    }
    const identify = async (request: FastifyRequest, presented: string, as: string) => {
      if (known.peek(as, { allowStale: true }) === undefined) {
        const failures = await countFailures(request, { increment: false })
        if (!failures.isAllowed && failures.remaining === 0) {
          const detail = 'too many requests from this address had no valid API key'
          const retryAfterSeconds = Math.max(1, failures.ttlInSeconds)
          throw new ProblemError('rate-limited', detail, { retryAfterSeconds })
        }
      }
      const found = await lookUp(presented)
      if (typeof found === 'string') {
        known.delete(as)
        await countFailures(request)
        throw new ProblemError('unauthorized', found)
      }
      const ttl = Math.max(1, Math.min(cacheTtlMs, found.endsInMs ?? cacheTtlMs))
      known.set(as, found, { ttl })
      return found
    }

    app.decorateRequest('apiKey', null as unknown as ApiKey)
    app.decorate('forgetKey', (id) => {
      for (const [as, apiKey] of known.entries()) {
        if (apiKey.id === id) known.delete(as)
      }
    })
    app.addHook('onRequest', async (request) => {
      const [, presented] = bearer.exec(request.headers.authorization ?? '') ?? []
      if (presented === undefined) {
        throw new ProblemError('unauthorized', 'send the header Authorization: Bearer <api key>')
      }
      const as = cacheKey(presented)
      request.apiKey = known.get(as) ?? (await identify(request, presented, as))
      if (isOwnKey(presented)) keyUse.note(request.apiKey.id)
    })
  },
  { name: 'authentication', dependencies: ['problems'] },
)

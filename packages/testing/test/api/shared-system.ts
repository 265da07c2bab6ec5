import { createApiKey, ensureTenant, openLedger } from '@inventoryrpa/ledger'
import {
  createTestDatabase,
  startTestSystem,
  type TestSystem,
  type TestSystemOptions,
  testRedis,
} from '@inventoryrpa/testing'
import { afterAll, beforeAll } from 'vitest'

type Scopes = Parameters<typeof createApiKey>[1]['scopes']

export type SharedSystem = TestSystem & {
  databaseUrl: string
  redisUrl: string
  redisPrefix: string
  /** Makes a key of a tenant, by default of the one that the system's own key belongs to. */
  createKey(options?: { tenant?: string; scopes?: Scopes }): Promise<{ id: string; key: string }>
  /** Calls the public API with another key than the system's own. */
  callAs(key: string, path: string, init?: RequestInit): Promise<Response>
  post(body: unknown, headers?: Record<string, string>): Promise<Response>
}

/** One API and its workers for all tests of a file. The object is filled before the first test. */
export const useSystem = (
  options: Omit<TestSystemOptions, 'databaseUrl' | 'redisUrl' | 'queuePrefix'> = {},
): SharedSystem => {
  const shared = {} as SharedSystem
  const releases: (() => Promise<void>)[] = []

  beforeAll(async () => {
    const database = await createTestDatabase()
    releases.push(() => database.drop())
    const redis = testRedis()
    releases.push(() => redis.cleanup())
    const system = await startTestSystem({
      workers: 1,
      ...options,
      databaseUrl: database.url,
      redisUrl: redis.url,
      queuePrefix: redis.prefix,
    })
    releases.push(() => system.stop())
    const ledger = openLedger({ databaseUrl: database.url, maxConnections: 2 })
    releases.push(() => ledger.close())
    Object.assign(shared, system, {
      databaseUrl: database.url,
      redisUrl: redis.url,
      redisPrefix: redis.prefix,
      createKey: async ({ tenant = 'test', scopes = ['admin'] as const } = {}) => {
        const tenantId = await ensureTenant(ledger.db, tenant)
        return createApiKey(ledger.db, { tenantId, name: 'test', scopes })
      },
      callAs: (key: string, path: string, init?: RequestInit) =>
        system.call(path, {
          ...init,
          headers: { ...(init?.headers as object), authorization: `Bearer ${key}` },
        }),
      post: (body: unknown, headers: Record<string, string> = {}) =>
        system.call('/v1/batches', {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
    } satisfies Partial<SharedSystem>)
  }, 120_000)
  afterAll(async () => {
    for (const release of releases.reverse()) await release()
  }, 60_000)
  return shared
}

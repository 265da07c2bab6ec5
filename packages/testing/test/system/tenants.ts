import { createApiKey, ensureTenant, openLedger } from '@inventoryrpa/ledger'
import {
  createTestDatabase,
  startRedis,
  startTestSystem,
  submitLines,
  type TestSystem,
} from '@inventoryrpa/testing'
import pg from 'pg'
import { onTestFinished } from 'vitest'

export type Kind = 'redis' | 'postgres'

type Caller = Pick<TestSystem, 'call'>

export type SystemOfTenants = {
  system: TestSystem
  /** A tenant that calls with a key of its own. */
  tenant(name: string, options?: { weight?: number }): Promise<Caller>
  /** Loses all jobs, as FLUSHALL or a restored backup would. */
  emptyQueue(): Promise<void>
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

/** The API alone, on a queue that nobody else uses; workers are added when they are wanted. */
export const startWithoutWorkers = async (kind: Kind): Promise<SystemOfTenants> => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const redis = kind === 'redis' ? await startRedis() : undefined
  if (redis) onTestFinished(() => redis.stop())
  const system = await startTestSystem({
    databaseUrl: database.url,
    redisUrl: redis?.url,
    workers: 0,
  })
  onTestFinished(() => system.stop())
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())

  return {
    system,
    tenant: async (name, { weight = 1 } = {}) => {
      const ledger = openLedger({ databaseUrl: database.url, maxConnections: 1 })
      const tenantId = await ensureTenant(ledger.db, name)
      const { key } = await createApiKey(ledger.db, { tenantId, name, scopes: ['admin'] })
      await ledger.close()
      await client.query('update tenants set weight = $2 where id = $1', [tenantId, weight])
      const authorization = `Bearer ${key}`
      return {
        call: (path, init) =>
          system.call(path, { ...init, headers: { ...init?.headers, authorization } }),
      }
    },
    emptyQueue: async () => {
      if (redis) return redis.flushAll()
      await client.query('delete from bullmq.job')
    },
    query: async (text, values) => (await client.query(text, values)).rows,
  }
}

/** Adjustments of a few hundred levels, as many as wanted. */
export const manyLines = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    type: 'adjustment',
    sku: `SKU-${index % 300}`,
    location: 'Leeds',
    quantity: 1,
  }))

/** One batch with options of its own. @returns its id */
export const submitBatch = async (caller: Caller, lines: number, options: object = {}) => {
  const body = JSON.stringify({ negativeStock: 'allow', ...options, lines: manyLines(lines) })
  const headers = { 'content-type': 'application/json' }
  const answer = await caller.call('/v1/batches', { method: 'POST', headers, body })
  if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`)
  return ((await answer.json()) as { id: string }).id
}

/** Many lines in batches of 10,000, one after the other. @returns their ids */
export const submitMany = (caller: Caller, lines: number) =>
  submitLines(caller, manyLines(lines), { bodyLines: 10_000, concurrency: 1 })

import { randomBytes } from 'node:crypto'
import { createApiKey, ensureTenant, openLedger } from '@inventoryrpa/ledger'
import { freePort } from '@inventoryrpa/local'
import { testRedis, until } from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, inject, onTestFinished } from 'vitest'
import type { BuiltImage } from './build-image.ts'
import { type Contained, runContained, startContained } from './contained.ts'

/** A database without any tables, and a Redis. */
export const freshServers = async (): Promise<Record<'DATABASE_URL' | 'REDIS_URL', string>> => {
  const server = inject('postgresUrl')
  const name = `image_${randomBytes(8).toString('hex')}`
  await execute(server, `create database ${name}`)
  onTestFinished(() => execute(server, `drop database ${name} with (force)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return { DATABASE_URL: url.href, REDIS_URL: testRedis().url }
}

const execute = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement).finally(() => client.end())
}

/** The stock source, the migration, the API and a worker, each from its image as it is. */
export const startFromImages = async ({
  app,
  'stock-source': source,
}: Record<'app' | 'stock-source', BuiltImage>) => {
  const redis = testRedis()
  onTestFinished(() => redis.cleanup())
  const sourcePort = await freePort()
  const token = 'for-tests-only'
  const env = {
    ...(await freshServers()),
    QUEUE_PREFIX: redis.prefix,
    STOCK_SOURCE_URL: `http://127.0.0.1:${sourcePort}`,
    STOCK_SOURCE_TOKEN: token,
    STOCK_SOURCE_ALLOW_PRIVATE: 'true',
    OPS_USER: 'operator',
    OPS_PASSWORD: token,
  }
  const migrated = await runContained(app, { args: ['apps/api/migrate-main.ts'], env })
  expect(migrated).toEqual({ code: 0, said: '' })
  const processes: Contained[] = []
  const start = (...given: Parameters<typeof startContained>) => {
    const process = startContained(...given)
    onTestFinished(() => process.kill())
    processes.push(process)
  }
  const [port, opsPort, workerPort] = [await freePort(), await freePort(), await freePort()]
  start(source, {
    args: [...source.config.Cmd, '--port', String(sourcePort)],
    env: { STOCK_SOURCE_TOKEN: token },
  })
  start(app, { env: { ...env, PORT: String(port), OPS_PORT: String(opsPort) } })
  start(app, { args: ['apps/worker/main.ts'], env: { ...env, OPS_PORT: String(workerPort) } })
  for (const ready of [opsPort, workerPort]) {
    await until(async () => (await fetch(`http://127.0.0.1:${ready}/readyz`)).ok, {
      timeoutMs: 30_000,
      describe: `an app ready on port ${ready}`,
    })
  }
  const key = await createKey(env.DATABASE_URL)
  const call = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    })
  return { processes, call }
}

const createKey = async (databaseUrl: string): Promise<string> => {
  const ledger = openLedger({ databaseUrl, maxConnections: 1 })
  try {
    const tenantId = await ensureTenant(ledger.db, 'test')
    return (await createApiKey(ledger.db, { tenantId, name: 'test', scopes: ['admin'] })).key
  } finally {
    await ledger.close()
  }
}

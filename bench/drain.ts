import { setTimeout as delay } from 'node:timers/promises'
import { createApiKey, ensureTenant, migrateLedger, openLedger } from '@inventoryrpa/ledger'
import { startProxy } from '@inventoryrpa/testing'
import type { Stand, Target } from './contestant.ts'
import { openDatabase } from './database.ts'
import { startPrograms } from './processes.ts'
import { submitAll } from './submit.ts'

export type DrainOptions = {
  /** For WORKER_CONCURRENCY. */
  concurrency: string
  /** Added to each round trip between the worker and PostgreSQL. */
  latencyMs: number
  tenants: number
  bodies: readonly Buffer[]
}

export type Drained = {
  linesPerSecond: number
  meanConcurrency: number
  /** Once a second. */
  concurrencies: number[]
}

const loopback = { OPS_HOST: '127.0.0.1', OPS_PORT: '0', LOG_LEVEL: 'warn' }
const senders = 4
const askEveryMs = 100
const deadlineMs = 180_000

/** Fills the queue while no worker runs, then measures one from its start until nothing is pending. */
export const drain = async (
  stand: Stand,
  { concurrency, latencyMs, tenants, bodies }: DrainOptions,
): Promise<Drained> => {
  await using stack = new AsyncDisposableStack()
  const keys = await prepare(stand.databaseUrl, tenants)
  const database = stack.use(await openDatabase(stand.databaseUrl))
  const api = { ...loopback, HOST: '127.0.0.1', PORT: '0', OPS_USER: 'b', OPS_PASSWORD: 'b' }
  const [server] = await startPrograms(stack, stand, [
    { name: 'api', entry: '../apps/api/main.ts', env: api },
  ])
  const origin = server?.ready.publicUrl ?? ''
  // All tenants come at once: no two neighbours in the queue are of one tenant, if there are several.
  const targets = keys.map((key) => {
    return { origin, path: '/v1/batches', headers: { authorization: `Bearer ${key}` } }
  })
  await Promise.all(
    Array.from({ length: senders }, async (_, sender) => {
      for (let body = sender; body < bodies.length; body += senders) {
        await submitAll(targets[body % tenants] as Target, bodies.slice(body, body + 1), 1)
      }
    }),
  )
  const lines = await database.number('select sum(line_count) as number from chunks')

  const url = new URL(stand.databaseUrl)
  const proxy = stack.adopt(await startProxy({ targetPort: Number(url.port) }), (it) => it.close())
  proxy.latency(latencyMs / 2)
  // Without latency the proxy would cost more than it stands for.
  if (latencyMs > 0) url.host = `127.0.0.1:${proxy.port}`
  const [worker] = await startPrograms(stack, { ...stand, databaseUrl: url.href }, [
    {
      name: `worker-${concurrency}`,
      entry: '../apps/worker/main.ts',
      env: { ...loopback, WORKER_CONCURRENCY: concurrency },
    },
  ])
  const started = performance.now()
  const concurrencies: number[] = []
  const pending = 'select coalesce(sum(pending), 0) as number from batches'
  while ((await database.number(pending)) > 0) {
    const seconds = (performance.now() - started) / 1_000
    if (seconds * 1_000 > deadlineMs) throw new Error('the backlog did not drain in time')
    if (seconds >= concurrencies.length) {
      const now = await concurrencyOf(worker?.ready.opsUrl ?? '')
      // Nothing is told before the first job.
      concurrencies.push(now ?? concurrencies.at(-1) ?? 1)
    }
    await delay(askEveryMs)
  }
  const seconds = (performance.now() - started) / 1_000
  const sum = concurrencies.reduce((total, it) => total + it, 0)
  return {
    linesPerSecond: lines / seconds,
    meanConcurrency: sum / concurrencies.length,
    concurrencies,
  }
}

const concurrencyOf = async (opsUrl: string) => {
  const text = await (await fetch(`${opsUrl}/metrics`)).text()
  const [, jobs] = /^inventoryrpa_worker_concurrency\{.*\} (\d+)$/m.exec(text) ?? []
  return jobs === undefined ? undefined : Number(jobs)
}

/** @returns a key of each tenant */
const prepare = async (databaseUrl: string, tenants: number) => {
  await migrateLedger(databaseUrl)
  const ledger = openLedger({ databaseUrl, maxConnections: 1 })
  try {
    const keys: string[] = []
    for (let tenant = 1; tenant <= tenants; tenant += 1) {
      const tenantId = await ensureTenant(ledger.db, `bench-${tenant}`)
      const scopes = ['batches:write'] as const
      keys.push((await createApiKey(ledger.db, { tenantId, name: 'bench', scopes })).key)
    }
    return keys
  } finally {
    await ledger.close()
  }
}

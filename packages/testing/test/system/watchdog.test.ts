import { join } from 'node:path'
import { keepRunning, spawnApp } from '@inventoryrpa/local'
import {
  checkLedger,
  createTestDatabase,
  getBatch,
  startMigratedPostgres,
  startProxy,
  startRedis,
  startTestSystem,
  submitLines,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseMetrics } from '../api/parse-metrics.ts'
import { startSentryServer } from '../api/sentry-server.ts'

const entry = join(import.meta.dirname, '../../../../apps/worker/main.ts')
const wedged = 70
const limitMs = 6_000

const line = (sku: string) => ({ type: 'adjustment', sku, location: 'here', quantity: 1 })
const lines = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => line(`${name}-${index % 50}`))

/** A worker under a supervisor, and what the supervisor says. */
const superviseWorker = async (env: Record<string, string | undefined>, execArgv?: string[]) => {
  const reports: string[] = []
  const log: string[] = []
  const start = async () => {
    const app = spawnApp({
      name: 'worker',
      entry,
      env: { OPS_HOST: '127.0.0.1', OPS_PORT: '0', ...env },
      onLog: (text) => log.push(text),
      ...(execArgv && { execArgv }),
    })
    const { opsUrl } = await app.ready
    return { ...app, opsUrl, stop: () => app.stop({ graceMs: 15_000 }) }
  }
  const kept = await keepRunning({
    name: 'worker',
    start,
    onReport: (sentence) => reports.push(sentence),
    delays: { first: 200, last: 200, calm: 1_000 },
  })
  onTestFinished(() => kept.stop())
  return { kept, reports, log }
}

/** The API straight on its servers, and what a worker gets to them through. */
const startServers = async (kind: 'redis' | 'postgres') => {
  const postgres = await startMigratedPostgres()
  onTestFinished(() => postgres.stop())
  const redis = kind === 'redis' ? await startRedis() : undefined
  if (redis) onTestFinished(() => redis.stop())
  const system = await startTestSystem({
    databaseUrl: postgres.url(),
    redisUrl: redis?.url,
    workers: 0,
    env: { CHUNK_LINES: '10' },
  })
  onTestFinished(() => system.stop())
  const through = async (url: string) => {
    const to = new URL(url)
    const proxy = await startProxy({ targetPort: Number(to.port) })
    onTestFinished(() => proxy.close())
    to.host = `127.0.0.1:${proxy.port}`
    return { proxy, url: to.href }
  }
  return { postgres, redis, system, through }
}

const jobsLeft = async ({ opsUrl }: { opsUrl: string }) => {
  const metrics = parseMetrics(await (await fetch(`${opsUrl}/metrics`)).text())
  const inState = (state: string) => metrics.sum('inventoryrpa_queue_jobs', { state })
  return inState('waiting') + inState('prioritized') + inState('active')
}

describe.for(['redis', 'postgres'] as const)('on %s', (kind) => {
  test('a worker whose connections died in silence ends itself within the limit; the next one goes on', async () => {
    const { postgres, redis, system, through } = await startServers(kind)
    const sentry = await startSentryServer()
    const database = await through(postgres.url())
    const queue = redis && (await through(redis.url))
    const { kept, reports } = await superviseWorker({
      DATABASE_URL: database.url,
      REDIS_URL: queue?.url,
      WATCHDOG_MS: String(limitMs),
      SENTRY_DSN: sentry.dsn,
    })
    const before = lines(200, 'before')
    for (const id of await submitLines(system, before)) await untilCompleted(system, id)
    // With a statement under way it would not be wedged: that ends as an outage.
    await until(async () => (await jobsLeft(system)) === 0, { describe: 'an idle worker' })
    const first = kept.current()

    database.proxy.forget()
    queue?.proxy.forget()
    const after = lines(200, 'after')
    const ids = await submitLines(system, after)
    const { code } = await until(() => first.exited, {
      timeoutMs: limitMs + 3_000,
      describe: 'the worker ended',
    })
    expect(code).toBe(wedged)
    for (const id of ids) expect((await getBatch(system, id)).counts.pending).toBeGreaterThan(0)
    expect(sentry.events().map(({ exception }) => exception?.values[0]?.type)).toEqual([
      'WorkerWedgedError',
    ])

    for (const id of ids) await untilCompleted(system, id)
    expect(reports[0]).toContain(`exit code ${wedged}`)
    expect(kept.current().pid).not.toBe(first.pid)
    expect(await checkLedger(postgres.url(), [...before, ...after])).toEqual([])
  }, 120_000)

  test('PostgreSQL away for longer than the limit ends no worker', async () => {
    const { postgres, redis, system } = await startServers(kind)
    const { kept, reports } = await superviseWorker({
      DATABASE_URL: postgres.url(),
      REDIS_URL: redis?.url,
      WATCHDOG_MS: String(limitMs),
    })
    const { pid, opsUrl } = kept.current()
    const submitted = lines(20_000, 'away')
    const ids = await submitLines(system, submitted)
    await postgres.kill()
    const since = performance.now()
    await until(async () => (await fetch(`${opsUrl}/readyz`)).status === 503, {
      describe: 'the worker misses PostgreSQL',
    })
    await until(() => performance.now() - since > 2 * limitMs, {
      timeoutMs: 3 * limitMs,
      describe: 'twice the limit',
    })
    expect((await fetch(`${opsUrl}/livez`)).status).toBe(200)

    await postgres.restart()
    for (const id of ids) await untilCompleted(system, id)
    expect(kept.current().pid).toBe(pid)
    expect(reports).toEqual([])
    expect(await checkLedger(postgres.url(), submitted)).toEqual([])
  }, 120_000)

  test('a row lock held for longer than the limit ends as an outage, and no worker', async () => {
    const { postgres, redis, system } = await startServers(kind)
    const { kept, reports } = await superviseWorker({
      DATABASE_URL: postgres.url(),
      REDIS_URL: redis?.url,
      WATCHDOG_MS: String(limitMs),
      WORKER_CONCURRENCY: '1',
    })
    const { pid, opsUrl } = kept.current()
    const [made = ''] = await submitLines(system, [line('held')])
    await untilCompleted(system, made)
    const holder = new pg.Client({ connectionString: postgres.url() })
    await holder.connect()
    onTestFinished(() => holder.end())
    await holder.query('begin; select * from stock_levels for update')

    const ids = await submitLines(
      system,
      Array.from({ length: 20 }, () => line('held')),
      {
        bodyLines: 1,
      },
    )
    const outages = async () =>
      parseMetrics(await (await fetch(`${opsUrl}/metrics`)).text()).sum(
        'inventoryrpa_queue_outages_total',
        {},
      )
    await until(async () => (await outages()) > 0, {
      timeoutMs: 45_000,
      everyMs: 500,
      describe: 'the lock timeout held the queue',
    })
    await holder.query('rollback')
    for (const id of ids) await untilCompleted(system, id)
    expect(kept.current().pid).toBe(pid)
    expect(reports).toEqual([])
  }, 120_000)
})

describe('the event loop', () => {
  const blockOnSignal = [
    '--import',
    'data:text/javascript,process.on("SIGUSR2", () => { for (;;); })',
  ]
  const start = async () => {
    const database = await createTestDatabase()
    onTestFinished(() => database.drop())
    const worker = await superviseWorker(
      { DATABASE_URL: database.url, WATCHDOG_MS: '5000' },
      blockOnSignal,
    )
    return { ...worker, first: worker.kept.current() }
  }

  test('blocked for longer than the limit, the worker is killed, says why, and the next one starts', async () => {
    const { kept, reports, log, first } = await start()
    first.kill('SIGUSR2')
    const exit = await until(() => first.exited, { describe: 'the worker ended' })
    expect(exit.signal).toBe('SIGKILL')
    expect(log.join('\n')).toContain('the event loop has been blocked for 5 s')
    await until(() => reports.includes('worker runs again'), { describe: 'the next worker' })
    expect(kept.current().pid).not.toBe(first.pid)
  }, 60_000)

  test('frozen with its whole process for longer than the limit, the worker goes on when it wakes', async () => {
    const { kept, reports, first } = await start()
    first.kill('SIGSTOP')
    const since = performance.now()
    await until(() => performance.now() - since > 7_000, { describe: 'longer than the limit' })
    first.kill('SIGCONT')
    const woken = performance.now()
    await until(() => performance.now() - woken > 6_000, { describe: 'the limit after waking' })
    expect((await fetch(`${first.opsUrl}/livez`)).status).toBe(200)
    expect(kept.current().pid).toBe(first.pid)
    expect(reports).toEqual([])
  }, 60_000)
})

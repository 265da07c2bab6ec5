import { createTestDatabase, startRedis, until, untilCompleted } from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { parseMetrics } from './parse-metrics.ts'
import { rawRequest } from './raw-request.ts'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'
import { spawnTestApp } from './spawn-test-app.ts'

const system = useSystem()

const line = (quantity: number) => ({
  type: 'adjustment',
  sku: 'sku-1',
  location: 'here',
  quantity,
})

const submit = async (...quantities: number[]) => {
  const answer = await system.post({ lines: quantities.map(line) })
  return (await readJson<{ id: string }>(answer)).id
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
const operator = () => basic(system.opsUser, system.opsPassword)

const staticFiles = async () => {
  const page = await (await fetch(`${system.opsUrl}/queues`, { headers: operator() })).text()
  const base = /<base href="([^"]+)"/.exec(page)?.[1] ?? '/queues/'
  const links = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg|png|ico|json))"/g)]
  return links.map(([, link = '']) => new URL(link, new URL(base, system.opsUrl)).pathname)
}

const boardPaths = async () => [
  '/queues',
  '/queues/',
  '/queues/queue/inventory-apply',
  '/queues/api/queues',
  '/queues/api/queues?activeQueue=inventory-apply&status=failed&page=1',
  '/queues/api/redis/stats',
  '/batches/019a0000-0000-7000-8000-000000000000',
  ...(await staticFiles()),
]

test("Bull Board's pages, API and static files are open to the operator", async () => {
  const files = await staticFiles()
  expect(files.some((path) => path.endsWith('.js'))).toBe(true)
  for (const path of ['/queues', '/queues/api/queues', ...files]) {
    const answer = await fetch(`${system.opsUrl}${path}`, { headers: operator() })
    expect(answer.status, path).toBe(200)
  }
})

test("Bull Board's pages, API and static files answer 401 to everyone else", async () => {
  const wrong = [
    {},
    basic(system.opsUser, 'wrong'),
    basic('wrong', system.opsPassword),
    basic(system.opsUser, ''),
    basic('', ''),
    { authorization: 'Basic' },
    { authorization: `Bearer ${system.apiKey}` },
  ]
  for (const path of await boardPaths()) {
    for (const headers of wrong) {
      const answer = await fetch(`${system.opsUrl}${path}`, { headers })
      expect(answer.status, path).toBe(401)
      expect(answer.headers.get('www-authenticate'), path).toMatch(/^Basic/)
      expect(await answer.text(), path).not.toMatch(/inventory-apply|<script/)
    }
  }
})

test('no way to write the path of Bull Board is answered without credentials', async () => {
  const variants = [
    '//queues',
    '/Queues',
    '/queues//api/queues',
    '/./queues',
    '/queues;x',
    '/%71ueues',
  ]
  const more = ['/livez/../queues', '/queues/static/../api/queues', '/queues/%2e%2e/queues']
  for (const path of [...variants, ...more]) {
    const { status } = await rawRequest(system.opsUrl, path)
    expect([401, 404], path).toContain(status)
  }
})

const actions = [
  ['PUT', '/queues/api/queues/inventory-apply/pause'],
  ['PUT', '/queues/api/queues/inventory-apply/retry/failed'],
  ['PUT', '/queues/api/queues/inventory-apply/clean/completed'],
  ['POST', '/queues/api/queues/inventory-apply/add'],
] as const

test.for(actions)('%s %s is refused with 403 from a foreign origin', async ([method, path]) => {
  const { port } = new URL(system.opsUrl)
  const foreign = ['https://evil.example', 'null', `http://127.0.0.1:${Number(port) - 1}`]
  for (const origin of foreign) {
    const headers = { ...operator(), origin }
    const { status } = await rawRequest(system.opsUrl, path, { method, headers })
    expect(status, origin).toBe(403)
  }
})

test("an operator's action from the board's own origin is carried out", async () => {
  const act = async (action: string) => {
    const headers = { ...operator(), origin: new URL(system.opsUrl).origin }
    const path = `/queues/api/queues/inventory-apply/${action}`
    const { status } = await rawRequest(system.opsUrl, path, { method: 'PUT', headers })
    expect(status, action).toBe(200)
  }
  const isPaused = async () => {
    const answer = await fetch(`${system.opsUrl}/queues/api/queues`, { headers: operator() })
    const { queues } = await readJson<{ queues: { isPaused: boolean }[] }>(answer)
    return queues[0]?.isPaused
  }
  await act('pause')
  expect(await isPaused()).toBe(true)
  await act('resume')
  expect(await isPaused()).toBe(false)
})

const workerOpsUrl = async () => (await system.workers[0]?.ready)?.opsUrl ?? ''

test.for(['/livez', '/readyz', '/metrics'])(
  '%s needs no credentials, on the API and on the worker',
  async (path) => {
    for (const url of [system.opsUrl, await workerOpsUrl()]) {
      expect((await fetch(`${url}${path}`)).status, url).toBe(200)
    }
  },
)

test('a worker serves nothing but its probes and metrics', async () => {
  for (const path of ['/', '/queues', '/v1/batches', '/docs', '/openapi.json']) {
    expect((await fetch(`${await workerOpsUrl()}${path}`)).status, path).toBe(404)
  }
})

test('readiness names each dependency', async () => {
  for (const url of [system.opsUrl, await workerOpsUrl()]) {
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({
      ready: true,
      checks: { postgres: 'ok', queue: 'ok' },
    })
  }
})

const metricsOf = async (url: string) => parseMetrics(await (await fetch(`${url}/metrics`)).text())

test("the API's metrics tell what was asked, what waits and how the process is", async () => {
  const id = await submit(1, -5, 1)
  await untilCompleted(system, id)
  await system.post({})
  const metrics = await metricsOf(system.opsUrl)
  const requests = (labels: Record<string, string>) =>
    metrics.sum('http_request_duration_seconds_count', labels)
  expect(requests({ method: 'POST', route: '/v1/batches', status: '202' })).toBeGreaterThan(0)
  expect(requests({ method: 'POST', route: '/v1/batches', status: '400' })).toBeGreaterThan(0)
  expect(requests({ method: 'GET', route: '/v1/batches/:id', status: '200' })).toBeGreaterThan(0)
  expect(metrics.sum('http_request_duration_seconds_sum', {})).toBeGreaterThan(0)
  expect(metrics.text).not.toContain(id)
  for (const state of ['waiting', 'active', 'delayed', 'prioritized', 'failed']) {
    expect(
      metrics.values('inventoryrpa_queue_jobs', {
        queue: 'inventory-apply',
        state,
        service: 'api',
      }),
      state,
    ).toEqual([0])
  }
  expect(metrics.sum('inventoryrpa_queue_jobs', { state: 'completed' })).toBeGreaterThan(0)
  for (const queue of ['apply', 'sync']) {
    expect(metrics.values('inventoryrpa_pending_lines', { queue })).toEqual([0])
    expect(metrics.values('inventoryrpa_oldest_pending_seconds', { queue })).toEqual([0])
    expect(metrics.values('inventoryrpa_drain_seconds', { queue })).toEqual([0])
  }
  expect(new Set(metrics.values('inventoryrpa_queue_held_seconds', {}))).toEqual(new Set([0]))
  expect(metrics.sum('process_resident_memory_bytes', {})).toBeGreaterThan(10_000_000)
  expect(metrics.sum('process_cpu_seconds_total', {})).toBeGreaterThan(0)
  expect(metrics.values('nodejs_eventloop_lag_seconds', {})).toHaveLength(1)
})

test("the worker's metrics tell lines by outcome and attempts of jobs", async () => {
  const before = await metricsOf(await workerOpsUrl())
  const id = await submit(1, -500, 1)
  await untilCompleted(system, id)
  const grown = async (name: string, labels: Record<string, string>) =>
    (await metricsOf(await workerOpsUrl())).sum(name, labels) - before.sum(name, labels)
  const attempts = 'inventoryrpa_job_attempt_duration_seconds_count'
  const completed = { job: 'apply-chunk', outcome: 'completed', service: 'worker' }
  await until(async () => (await grown(attempts, completed)) === 1, {
    describe: 'one attempt counted',
  })
  expect(await grown('inventoryrpa_lines_total', { outcome: 'applied' })).toBe(2)
  expect(await grown('inventoryrpa_lines_total', { outcome: 'rejected' })).toBe(1)
  expect(before.values('inventoryrpa_chunks_relayed_total', {})).toHaveLength(1)
  const queue = 'inventory-apply'
  expect(before.sum('inventoryrpa_worker_concurrency', { queue })).toBeGreaterThanOrEqual(1)
  expect(before.sum('process_resident_memory_bytes', {})).toBeGreaterThan(10_000_000)
})

test('jobs and lines that wait are counted while no worker takes them', async () => {
  const put = (action: string) =>
    rawRequest(system.opsUrl, `/queues/api/queues/inventory-express/${action}`, {
      method: 'PUT',
      headers: operator(),
    })
  expect((await put('pause')).status).toBe(200)
  const id = await submit(1, 1)
  try {
    const metrics = await until(
      async () => {
        const now = await metricsOf(system.opsUrl)
        const jobs = (state: string) => now.sum('inventoryrpa_queue_jobs', { state })
        return jobs('waiting') + jobs('prioritized') === 1 ? now : undefined
      },
      { describe: 'the job among those that wait' },
    )
    expect(metrics.values('inventoryrpa_pending_lines', { queue: 'express' })).toEqual([2])
    expect(metrics.values('inventoryrpa_due_lines', { queue: 'express' })).toEqual([2])
    expect(metrics.sum('inventoryrpa_oldest_pending_seconds', {})).toBeGreaterThan(0)
    expect(metrics.sum('inventoryrpa_drain_seconds', { queue: 'express' })).toBeGreaterThan(0)
  } finally {
    expect((await put('resume')).status).toBe(200)
  }
  await untilCompleted(system, id)
})

/** What an app on a faulty dependency says of itself; a probe waits no longer than this. */
const readinessOf = async (app: 'api' | 'worker', env: Record<string, string | undefined>) => {
  const { opsUrl } = await spawnTestApp(app, env).ready
  const probe = (path: string) => fetch(`${opsUrl}${path}`, { signal: AbortSignal.timeout(5_000) })
  const answer = await probe('/readyz')
  expect((await probe('/livez')).status).toBe(200)
  return { status: answer.status, ...(await readJson<object>(answer)) }
}

const createEmptyDatabase = async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('drop schema public, bullmq cascade; create schema public')
  await client.end()
  return database.url
}

for (const app of ['api', 'worker'] as const) {
  test(`the ${app} is not ready on a Redis that may evict jobs, and says so`, async () => {
    const redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] })
    onTestFinished(() => redis.stop())
    const env = { DATABASE_URL: system.databaseUrl, REDIS_URL: redis.url }
    expect(await readinessOf(app, env)).toEqual({
      status: 503,
      ready: false,
      checks: { postgres: 'ok', queue: expect.stringContaining('allkeys-lru') },
    })
  })

  test(`the ${app} is not ready on a ledger that is not migrated, and says so`, async () => {
    const env = { DATABASE_URL: await createEmptyDatabase(), REDIS_URL: system.redisUrl }
    expect(await readinessOf(app, env)).toEqual({
      status: 503,
      ready: false,
      checks: { postgres: expect.stringContaining('migrations'), queue: 'ok' },
    })
  })

  test(`the ${app} is not ready on a queue that is not migrated, and says so`, async () => {
    expect(await readinessOf(app, { DATABASE_URL: await createEmptyDatabase() })).toEqual({
      status: 503,
      ready: false,
      checks: {
        postgres: expect.stringContaining('migrations'),
        queue: expect.stringContaining('PostgreSQL'),
      },
    })
  })
}

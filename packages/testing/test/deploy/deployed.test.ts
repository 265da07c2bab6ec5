import { freePort } from '@inventoryrpa/local'
import { submitLines, until, untilCompleted } from '@inventoryrpa/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseMetrics } from '../api/parse-metrics.ts'
import { type DeployedApp, type DeployedSystem, openDeployedSystem } from './deployed-system.ts'
import { overlay } from './manifests.ts'
import { selectorsOf } from './promql.ts'

const production = overlay('production-keda')
const workers = ['inventoryrpa-worker', 'inventoryrpa-worker-express']
/** What Prometheus adds to a series. */
const targetLabels = ['namespace', 'pod', 'container', 'job', 'instance', 'endpoint']

let system: DeployedSystem
let apps: DeployedApp[]
let beforeMigration: number
let metrics: ReturnType<typeof parseMetrics>

const probeOf = (
  { workload }: DeployedApp,
  probe: `${'startup' | 'liveness' | 'readiness'}Probe`,
) => workload.containers[0]?.[probe]?.httpGet?.path ?? ''
const answerOf = async ({ opsUrl }: DeployedApp, path: string) =>
  (await fetch(`${opsUrl}${path}`)).status
const scrape = async () => {
  const texts = await Promise.all(
    apps.map(async ({ opsUrl }) => (await fetch(`${opsUrl}/metrics`)).text()),
  )
  return parseMetrics(texts.join('\n'))
}

beforeAll(async () => {
  // Nobody listens there, so that the source's breaker opens.
  const source = { STOCK_SOURCE_URL: `http://127.0.0.1:${await freePort()}` }
  system = await openDeployedSystem(production, source)
  const api = await system.start('inventoryrpa-api')
  beforeMigration = await answerOf(api, probeOf(api, 'startupProbe'))
  expect(await system.migrate()).toBe(0)
  apps = [api, ...(await Promise.all(workers.map(system.start)))]

  const key = await system.createKey()
  const caller = {
    call: (path: string, init?: RequestInit) =>
      fetch(`${api.publicUrl}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${key}`, ...init?.headers },
      }),
  }
  const lines = (count: number, line: object) =>
    Array.from({ length: count }, (_, index) => ({ sku: `S${index}`, location: 'here', ...line }))
  const adjustment = { type: 'adjustment', quantity: 1 }
  const large = await submitLines(caller, lines(500, adjustment))
  const small = await submitLines(caller, lines(2, adjustment))
  for (const id of [...large, ...small]) await untilCompleted(caller, id)
  await submitLines(caller, lines(20, { type: 'sync' }))
  const wasOpened = async () =>
    (await scrape()).values('inventoryrpa_source_breaker', { state: 'open' }).includes(1)
  await until(wasOpened, { timeoutMs: 60_000, describe: "the source's breaker to open" })
  await system.closeDatabase(true)
  const fails = async () => (await caller.call('/v1/stock')).status >= 500
  await until(fails, { describe: 'the API without its database' })
  await system.closeDatabase(false)
  const measured = async () => (await scrape()).values('inventoryrpa_due_lines', {}).length > 0
  await until(measured, { describe: 'the backlog to be measured again' })
  metrics = await scrape()
}, 240_000)
afterAll(() => system?.stop(), 60_000)

test('an API does not count as started before the migration, and does after it', async () => {
  expect(beforeMigration).toBe(503)
  const [api] = apps as [DeployedApp]
  expect(await answerOf(api, probeOf(api, 'startupProbe'))).toBe(200)
})

test('every probe asks what its app answers', async () => {
  for (const app of apps) {
    const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const
    for (const probe of probes) {
      const path = probeOf(app, probe)
      expect(['/livez', '/readyz'], `${app.workload.name} ${probe}`).toContain(path)
      expect(app.workload.containers[0]?.[probe]?.httpGet?.port).toBe('ops')
      await until(async () => (await answerOf(app, path)) === 200, { describe: `${probe} 200` })
    }
    expect(probeOf(app, 'livenessProbe')).toBe('/livez')
  }
})

test('each pair of workers settles what its queues hold', () => {
  const [, ...settled] = apps.map(({ workload }) => workload.name)
  expect(settled).toEqual(workers)
  expect(metrics.sum('inventoryrpa_lines_total', { outcome: 'applied' })).toBe(502)
})

const expressions = [
  ...production
    .of('PrometheusRule')
    .flatMap(({ spec }) => spec.groups ?? [])
    .flatMap(({ rules }) => rules ?? [])
    .map(({ alert, expr }) => [alert, expr] as const),
  ...production
    .of('ScaledObject')
    .flatMap(({ spec }) => spec.triggers)
    .map(({ name, metadata }) => [`KEDA ${name}`, metadata.query] as const),
]

for (const [name, expression] of expressions) {
  test(`${name} asks for series that the system has`, () => {
    const selectors = selectorsOf(String(expression))
    expect(selectors.length).toBeGreaterThan(0)
    for (const { metric, matchers } of selectors) {
      const series = metrics.series.filter((it) => it.name === metric)
      const asked = matchers.filter(({ label }) => !targetLabels.includes(label))
      const found = series.filter(({ labels }) =>
        asked.every(({ label, matches }) => matches(labels[label] ?? '')),
      )
      expect(found.length, `${metric} of ${series.length} series`).toBeGreaterThan(0)
    }
  })
}

test('what an expression asks for is read from its syntax', () => {
  const read = selectorsOf('sum(rate(a_total{x="1", y=~"b|c"}[5m])) / on (z) up > 3')
  expect(read.map(({ metric, matchers }) => [metric, matchers.map((it) => it.label)])).toEqual([
    ['a_total', ['x', 'y']],
    ['up', []],
  ])
  const [, y] = read[0]?.matchers ?? []
  expect(['b', 'c', 'bc'].map((value) => y?.matches(value))).toEqual([true, true, false])
  expect(() => selectorsOf('sum(')).toThrow('no PromQL')
})

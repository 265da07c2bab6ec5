import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getBatch, submitLines, until, untilCompleted } from '@inventoryrpa/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseMetrics } from '../api/parse-metrics.ts'
import { hasCommand, rootDir, run } from './buildah.ts'
import { type ComposedSystem, startComposed } from './composed-system.ts'
import { selectorsOf } from './promql.ts'

let system: ComposedSystem
let caller: Pick<Parameters<typeof getBatch>[0], 'call'>
let ids: string[]

const callerWith = (key: string) => ({
  call: (path: string, init?: RequestInit) =>
    fetch(`${system.apiUrl}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...init?.headers },
    }),
})
const createKey = async (...scopes: string[]) => {
  const options = ['--tenant', 'acme', '--name', 'bot', ...scopes.flatMap((it) => ['--scope', it])]
  return (await system.runInApi('apps/api/api-key-main.ts', 'create', ...options)).trim()
}

beforeAll(async () => {
  system = await startComposed()
  caller = callerWith(await createKey('batches:write', 'batches:read', 'stock:read'))
  const lines = Array.from({ length: 300 }, (_, index) => ({
    type: 'adjustment',
    sku: `sku-${index}`,
    location: 'here',
    quantity: 1,
  }))
  const large = await submitLines(caller, lines)
  const small = await submitLines(caller, [{ type: 'sync', sku: '85123A', location: 'France' }])
  ids = [...large, ...small]
}, 300_000)
afterAll(() => system?.stop(), 60_000)

test('what the compose file starts applies large batches, small ones and syncs', async () => {
  for (const id of ids) await untilCompleted(caller, id)
  for (const id of ids) {
    const { counts } = await getBatch(caller, id)
    expect(counts.applied).toBe(counts.total)
  }
}, 60_000)

test('everything is ready: the apps may do on the shipped Redis what they must', async () => {
  for (const url of system.opsUrls) {
    const readiness = await fetch(`${url}/readyz`)
    expect(await readiness.json()).toMatchObject({ ready: true, checks: { queue: 'ok' } })
  }
})

const redisCli = async (login: string[], ...command: string[]) => {
  const place = ['-h', '127.0.0.1', '-p', String(system.redis.port), '--no-auth-warning']
  return (await run('redis-cli', [...place, ...login, ...command])).trim()
}

test.skipIf(!(await hasCommand('redis-cli')))(
  'the shipped Redis lets nobody in without the password, and the apps neither empty nor reconfigure it (redis-cli)',
  async () => {
    expect(await redisCli([], 'PING')).toMatch(/^NOAUTH/)
    const login = ['--user', 'inventoryrpa', '--pass', system.redis.password]
    expect(await redisCli(login, 'PING')).toBe('PONG')
    for (const forbidden of ['FLUSHALL', 'CONFIG GET *', 'SHUTDOWN', 'ACL LIST', 'KEYS *']) {
      expect(await redisCli(login, ...forbidden.split(' ')), forbidden).toMatch(/NOPERM/)
    }
    const info = await redisCli(login, 'INFO')
    expect(info).toMatch(/^aof_enabled:1\r?$/m)
    expect(info).toMatch(/^maxmemory_policy:noeviction\r?$/m)
  },
)

test('a key has the scopes it was made with, until it is revoked', async () => {
  const key = await createKey('stock:read')
  const status = async (path: string) => (await callerWith(key).call(path)).status
  expect(await status('/v1/stock')).toBe(200)
  expect(await status('/v1/batches')).toBe(403)
  await system.runInApi('apps/api/api-key-main.ts', 'revoke', '--id', key.split('_')[1] ?? '')
  await until(async () => (await status('/v1/stock')) === 401, {
    describe: 'the key to be refused',
  })
})

test('a key for nobody, for nothing or with a scope there is not is not made', async () => {
  await expect(createKey()).rejects.toThrow(/scope/)
  await expect(createKey('everything')).rejects.toThrow(/batches:write/)
  await expect(
    system.runInApi('apps/api/api-key-main.ts', 'create', '--scope', 'admin'),
  ).rejects.toThrow(/tenant/)
  await expect(
    system.runInApi('apps/api/api-key-main.ts', 'revoke', '--id', '000000000000'),
  ).rejects.toThrow(/no key/)
}, 120_000)

type Panel = { title: string; description?: string; targets?: { expr: string }[] }
type Dashboard = { title: string; uid: string; panels: Panel[] }

const dashboard = async (): Promise<Dashboard> =>
  JSON.parse(await readFile(join(rootDir, 'deploy/dashboards/inventoryrpa.json'), 'utf8'))

test('every panel of the dashboard asks for what the apps export, by labels that it has', async () => {
  const texts = await Promise.all(
    system.opsUrls.map(async (url) => (await fetch(`${url}/metrics`)).text()),
  )
  const declared = new Set(
    [...texts.join('\n').matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
  const { series } = parseMetrics(texts.join('\n'))
  const targetLabels = ['instance', 'job']
  let asked = 0
  for (const { title, targets = [] } of (await dashboard()).panels) {
    for (const { expr } of targets) {
      const expression = expr.replaceAll('$__rate_interval', '1m')
      const grouping = [...expression.matchAll(/ by \(([^)]+)\)/g)]
      const by = grouping.flatMap(([, names = '']) => names.split(', '))
      for (const { metric, matchers } of selectorsOf(expression)) {
        asked += 1
        expect(declared, `${title}: ${metric}`).toContain(metric)
        const known = series.flatMap((it) => (it.name === metric ? Object.keys(it.labels) : []))
        // What only happens in trouble has no series yet.
        if (known.length === 0) continue
        for (const label of [...by, ...matchers.map((it) => it.label)]) {
          expect([...known, ...targetLabels], `${title}: ${metric}`).toContain(label)
        }
      }
    }
  }
  expect(asked).toBeGreaterThan(25)
})

test('the dashboard shows throughput, backlog, age, failures and latencies', async () => {
  const { uid, panels } = await dashboard()
  expect(uid).toBe('inventoryrpa')
  const metrics = panels.flatMap(({ targets = [] }) =>
    targets.flatMap(({ expr }) => selectorsOf(expr.replaceAll('$__rate_interval', '1m'))),
  )
  expect(metrics.map((it) => it.metric)).toEqual(
    expect.arrayContaining([
      'inventoryrpa_lines_total',
      'inventoryrpa_pending_lines',
      'inventoryrpa_oldest_pending_seconds',
      'inventoryrpa_drain_seconds',
      'inventoryrpa_job_attempt_duration_seconds_bucket',
      'http_request_duration_seconds_bucket',
    ]),
  )
  const ids = (panels as unknown as { id: number }[]).map(({ id }) => id)
  expect(new Set(ids).size).toBe(panels.length)
})

import { until } from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'
import { spawnTestApp } from './spawn-test-app.ts'

const limitLines = 100
const system = useSystem({
  workers: 0,
  env: {
    RATE_LIMIT_PER_SECOND: '20',
    BACKLOG_LIMIT_LINES: String(limitLines),
    TRUSTED_PROXIES: '127.0.0.0/8',
  },
})

const linesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    type: 'adjustment',
    sku: `sku-${index}`,
    location: 'here',
    quantity: 1,
  }))
const submit = (key: string, lines: number) =>
  system.callAs(key, '/v1/batches', {
    method: 'POST',
    body: JSON.stringify({ lines: linesOf(lines) }),
    headers: { 'content-type': 'application/json' },
  })
const tenantKey = async (tenant: string) => (await system.createKey({ tenant })).key

const burst = async (
  key: string,
  headers: (index: number) => Record<string, string> = () => ({}),
) =>
  Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      system.callAs(key, '/v1/stock', { headers: headers(index) }),
    ),
  )

test('a key beyond its rate gets 429 with Retry-After, and is served again a second later', async () => {
  const key = await tenantKey('eager')
  const answers = await burst(key)
  const limited = answers.filter(({ status }) => status === 429)
  // A window may begin in mid-burst.
  expect(limited.length).toBeGreaterThanOrEqual(100 - 3 * 20)
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(20)
  const [first] = limited
  expect(first?.headers.get('retry-after')).toBe('1')
  expect(first?.headers.get('content-type')).toContain('application/problem+json')
  expect(await first?.json()).toMatchObject({ code: 'rate-limited', status: 429 })
  const served = async () => (await system.callAs(key, '/v1/stock')).status === 200
  await until(served, { timeoutMs: 3_000, describe: 'the key served again' })
})

test('the rate is of one key: another of the same tenant has its own', async () => {
  const [one, other] = [await tenantKey('eager'), await tenantKey('eager')]
  expect((await burst(one)).some(({ status }) => status === 429)).toBe(true)
  expect((await system.callAs(other, '/v1/stock')).status).toBe(200)
})

test('an address that is only pretended does not move the rate', async () => {
  const answers = await burst(await tenantKey('eager'), (index) => ({
    'x-forwarded-for': `203.0.113.${index}`,
    forwarded: `for=203.0.113.${index}`,
    'x-real-ip': `203.0.113.${index}`,
  }))
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(40)
})

test('requests that a key may not send are counted, too', async () => {
  const { key } = await system.createKey({ tenant: 'eager', scopes: ['batches:approve'] })
  const statuses = (await burst(key)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([403, 429]))
})

test('an address of which too many keys are wrong is told to wait; who was known there goes on', async () => {
  const known = await tenantKey('steady')
  expect((await system.callAs(known, '/v1/stock')).status).toBe(200)
  const from = (address: string) => ({
    headers: {
      authorization: `Bearer irpa_0123456789ab_${'x'.repeat(43)}`,
      'x-forwarded-for': address,
    },
  })
  const attempt = async (address: string) =>
    fetch(`${system.apiUrl}/v1/stock`, from(address)).then(async (answer) => {
      await answer.arrayBuffer()
      return answer
    })
  for (let round = 0; round < 11; round++) {
    await Promise.all(Array.from({ length: 100 }, () => attempt('198.51.100.1')))
  }
  const limited = await attempt('198.51.100.1')
  expect(limited.status).toBe(429)
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect((await attempt('198.51.100.2')).status).toBe(401)
  const { status } = await system.callAs(known, '/v1/stock', {
    headers: { 'x-forwarded-for': '198.51.100.1' },
  })
  expect(status).toBe(200)
}, 60_000)

test('a tenant that fills the backlog is told to wait, others go on, and it is let in once it drains', async () => {
  const [large, small] = [await tenantKey('large'), await tenantKey('small')]
  expect((await submit(large, 60)).status).toBe(202)
  let answer = await submit(large, 1)
  await until(
    async () => {
      answer = await submit(large, 1)
      return answer.status === 429
    },
    { timeoutMs: 5_000, everyMs: 200, describe: 'the backlog full' },
  )
  expect(await readJson(answer)).toMatchObject({ code: 'backlog-full', status: 429 })
  // Nothing moves: nobody knows, so not for ever.
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(600)
  expect((await submit(small, 5)).status).toBe(202)
  expect((await system.callAs(large, '/v1/batches')).status).toBe(200)

  const worker = spawnTestApp('worker', {
    DATABASE_URL: system.databaseUrl,
    REDIS_URL: system.redisUrl,
    QUEUE_PREFIX: system.redisPrefix,
  })
  onTestFinished(async () => {
    await worker.stop({ graceMs: 10_000 })
  })
  await until(async () => (await submit(large, 1)).status === 202, {
    timeoutMs: 20_000,
    everyMs: 200,
    describe: 'the tenant let in again',
  })
}, 60_000)

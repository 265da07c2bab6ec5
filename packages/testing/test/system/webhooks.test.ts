import {
  type TestSystem,
  type TestSystemOptions,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { readJson } from '../api/read-json.ts'
import { startSentryServer } from '../api/sentry-server.ts'
import { startFreshSystem } from './fresh-system.ts'
import { type Hit, startReceiver, verifies } from './webhook-receiver.ts'

const line = { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: 1 }
const fast = { WEBHOOK_ALLOWED_HOSTS: '127.0.0.1', WEBHOOK_BACKOFF_MS: '50' }

type Delivery = {
  id: string
  state: string
  attempts: number
  log: { attempt: number; status: number | null; error: string | null }[]
}

const start = async (
  kind: 'redis' | 'postgres',
  options: Pick<TestSystemOptions, 'env' | 'workers'> = {},
) => {
  const { system } = await startFreshSystem(kind, {
    workers: 1,
    ...options,
    env: { ...fast, ...options.env },
  })
  return system
}
const post = (system: TestSystem, path: string, body?: object) =>
  system.call(path, {
    method: 'POST',
    ...(body && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })
const rotate = async (system: TestSystem) => {
  const answer = await post(system, '/v1/webhook-secret')
  expect(answer.status).toBe(200)
  return readJson<{ secret: string; formerSignsUntil: string | null }>(answer)
}
const submit = async (system: TestSystem, callbackUrl: string, lines: object[] = [line]) => {
  const answer = await post(system, '/v1/batches', { callbackUrl, lines })
  if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`)
  return (await readJson<{ id: string }>(answer)).id
}
const listed = async (system: TestSystem, query: string) => {
  const list = await system.call(`/v1/webhook-deliveries${query}`)
  expect(list.status).toBe(200)
  return (await readJson<{ items: Delivery[] }>(list)).items
}
const deliveryOf = async (system: TestSystem, batchId: string): Promise<Delivery> => {
  const [item] = await listed(system, `?batchId=${batchId}`)
  const one = await system.call(`/v1/webhook-deliveries/${item?.id}`)
  expect(one.status).toBe(200)
  return readJson<Delivery>(one)
}
const untilDelivery = (
  system: TestSystem,
  batchId: string,
  holds: (delivery: Delivery) => boolean,
  describe: string,
) =>
  until(
    async () => {
      const delivery = await deliveryOf(system, batchId)
      return holds(delivery) ? delivery : undefined
    },
    { timeoutMs: 20_000, describe },
  )
const forBatch = (hits: Hit[], id: string) => hits.filter(({ body }) => body.data.id === id)

for (const kind of ['redis', 'postgres'] as const) {
  test(`a receiver gets a receipt that it can verify and that adds up, queue in ${kind}`, async () => {
    const receiver = await startReceiver()
    const system = await start(kind)
    const { secret } = await rotate(system)
    const lines = [line, { ...line, quantity: -5 }, { ...line, sku: 'sku-2' }]
    const id = await submit(system, `${receiver.url}?shop=1`, lines)
    await untilCompleted(system, id)
    const completed = performance.now()
    await until(() => receiver.hits.length > 0, { describe: 'the webhook' })
    const [hit] = receiver.hits as [Hit]
    expect(hit.at - completed).toBeLessThan(1_500)
    expect(hit.path).toBe('/hooks?shop=1')
    expect(verifies(secret, hit)).toBe(true)
    expect(verifies(secret, { ...hit, text: hit.text.replace('completed', 'cancelled') })).toBe(
      false,
    )
    expect(hit.body).toMatchObject({ type: 'batch.completed', data: { id, state: 'completed' } })
    const { total, ...parts } = hit.body.data.counts
    expect(parts).toMatchObject({ applied: 2, rejected: 1, pending: 0 })
    expect(Object.values(parts).reduce((sum, it) => sum + it, 0)).toBe(total)
    const delivery = await untilDelivery(system, id, (it) => it.state === 'delivered', 'delivered')
    expect(delivery.id).toBe(hit.headers['webhook-id'])
    expect(delivery.log).toMatchObject([{ attempt: 1, status: 204, error: null }])
    expect(receiver.hits).toHaveLength(1)
  }, 60_000)

  test(`a dead receiver gets all its webhooks when it is back, and holds up no other, queue in ${kind}`, async () => {
    const [dead, silent, alive] = [
      await startReceiver(),
      await startReceiver(),
      await startReceiver(),
    ]
    silent.answer({ status: 204, delayMs: 60_000 })
    const system = await start(kind, { env: { WEBHOOK_BACKOFF_MS: '200' } })
    const { secret } = await rotate(system)
    await dead.stop()
    const lost = await Promise.all(Array.from({ length: 20 }, () => submit(system, dead.url)))
    const unanswered = Array.from({ length: 20 }, () => submit(system, silent.url))
    for (const id of [...lost, ...(await Promise.all(unanswered))]) await untilCompleted(system, id)
    const id = await submit(system, alive.url)
    await until(() => forBatch(alive.hits, id).length === 1, {
      timeoutMs: 5_000,
      describe: 'the webhook of the one that lives',
    })
    const someAttempts = async () => (await listed(system, '')).some((it) => it.attempts >= 2)
    await until(someAttempts, { timeoutMs: 40_000, describe: 'two attempts in vain' })
    await dead.start()
    await until(() => new Set(dead.hits.map(({ body }) => body.data.id)).size === lost.length, {
      timeoutMs: 60_000,
      describe: 'all webhooks at the one that is back',
    })
    for (const hit of dead.hits) expect(verifies(secret, hit)).toBe(true)
    const [tried] = (await listed(system, '?state=delivered')).filter((it) => it.attempts >= 3)
    const first = await readJson<Delivery>(await system.call(`/v1/webhook-deliveries/${tried?.id}`))
    expect(first.log[0]).toMatchObject({ status: null, error: 'ECONNREFUSED' })
    expect(first.log.at(-1)).toMatchObject({ status: 204, error: null })
    expect(first.log.map(({ attempt }) => attempt)).toEqual(first.log.map((_, index) => index + 1))
  }, 120_000)
}

test('an attempt whose worker is killed in the middle is made again, under the same id', async () => {
  const receiver = await startReceiver()
  const system = await start('redis', { workers: 1 })
  const { secret } = await rotate(system)
  receiver.answer({ status: 204, delayMs: 8_000 })
  const id = await submit(system, receiver.url)
  await until(() => receiver.hits.length === 1, { describe: 'the first attempt' })
  receiver.answer({ status: 204 })
  await system.replaceWorker()
  await until(() => receiver.hits.length === 2, { timeoutMs: 60_000, describe: 'the second' })
  const [first, second] = receiver.hits as [Hit, Hit]
  expect(second.headers['webhook-id']).toBe(first.headers['webhook-id'])
  expect(verifies(secret, second)).toBe(true)
  const delivery = await untilDelivery(system, id, (it) => it.state === 'delivered', 'delivered')
  expect(delivery.log).toMatchObject([
    { status: null, error: 'interrupted' },
    { status: 204, error: null },
  ])
}, 120_000)

test('secrets: without one no callbackUrl is taken; after rotating both sign; none is shown again', async () => {
  const receiver = await startReceiver()
  const system = await start('redis')
  const refused = await post(system, '/v1/batches', { callbackUrl: receiver.url, lines: [line] })
  expect(refused.status).toBe(422)
  expect(await refused.json()).toMatchObject({ code: 'no-webhook-secret' })

  const former = await rotate(system)
  expect(former.secret).toMatch(/^whsec_[\w+/]{43}=$/)
  expect(former.formerSignsUntil).toBeNull()
  const latest = await rotate(system)
  const untilMs = Date.parse(latest.formerSignsUntil ?? '') - Date.now()
  expect(untilMs / 3_600_000).toBeCloseTo(24, 0)

  await submit(system, receiver.url)
  await until(() => receiver.hits.length === 1, { describe: 'the webhook' })
  const [hit] = receiver.hits as [Hit]
  expect(hit.headers['webhook-signature']?.split(' ')).toHaveLength(2)
  for (const { secret } of [former, latest]) expect(verifies(secret, hit)).toBe(true)
  expect(verifies(`whsec_${Buffer.alloc(32).toString('base64')}`, hit)).toBe(false)

  const third = await rotate(system)
  await submit(system, receiver.url)
  await until(() => receiver.hits.length === 2, { describe: 'the next webhook' })
  const [, next] = receiver.hits as [Hit, Hit]
  expect(verifies(former.secret, next)).toBe(false)
  for (const { secret } of [latest, third]) expect(verifies(secret, next)).toBe(true)
}, 60_000)

test('a webhook that was delivered or given up is delivered again on request, and 410 ends it', async () => {
  const receiver = await startReceiver()
  const system = await start('redis')
  await rotate(system)
  receiver.answer({ status: 410 })
  const id = await submit(system, receiver.url)
  const given = await untilDelivery(system, id, (it) => it.state === 'failed', 'given up')
  expect(given.log).toMatchObject([{ attempt: 1, status: 410, error: 'gone' }])

  receiver.answer({ status: 200 })
  for (const attempts of [2, 3]) {
    const replay = await post(system, `/v1/webhook-deliveries/${given.id}/replay`)
    expect(replay.status).toBe(202)
    expect(await replay.json()).toMatchObject({ id: given.id, state: 'pending', settledAt: null })
    const delivery = await untilDelivery(
      system,
      id,
      (it) => it.state === 'delivered',
      'delivered after all',
    )
    expect(delivery.attempts).toBe(attempts)
  }
  expect(new Set(receiver.hits.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  const unknown = await post(system, `/v1/webhook-deliveries/${crypto.randomUUID()}/replay`)
  expect(unknown.status).toBe(404)
}, 60_000)

test('a receiver that throttles is left alone for as long as it asks', async () => {
  const receiver = await startReceiver()
  const system = await start('redis')
  await rotate(system)
  receiver.answer(() =>
    receiver.hits.length === 1 ? { status: 429, headers: { 'retry-after': '3' } } : { status: 204 },
  )
  const id = await submit(system, receiver.url)
  await untilDelivery(system, id, (it) => it.state === 'delivered', 'delivered')
  const [first, second] = receiver.hits as [Hit, Hit]
  expect(second.at - first.at).toBeGreaterThan(2_900)
}, 60_000)

test('what is private is not called: by address, by a name, by a redirect', async () => {
  const [receiver, target] = [await startReceiver(), await startReceiver()]
  const system = await start('redis', { env: { WEBHOOK_ALLOWED_HOSTS: 'hooks.test,127.0.0.1' } })
  await rotate(system)

  for (const host of [
    '127.0.0.2',
    '10.0.0.1',
    '169.254.169.254',
    '[::1]',
    '2130706434',
    '0.0.0.0',
  ]) {
    const answer = await post(system, '/v1/batches', {
      callbackUrl: `http://${host}:${target.port}/`,
      lines: [line],
    })
    expect(answer.status, host).toBe(400)
    expect(await answer.json()).toMatchObject({ errors: [{ path: '/callbackUrl' }] })
  }
  for (const callbackUrl of ['ftp://example.com/', 'http://user:secret@example.com/', 'x']) {
    const answer = await post(system, '/v1/batches', { callbackUrl, lines: [line] })
    expect(answer.status, callbackUrl).toBe(400)
  }

  const upload = await system.call('/v1/batches?callbackUrl=http://10.0.0.1/', {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: `${JSON.stringify(line)}\n`,
  })
  expect(upload.status).toBe(400)

  // It resolves to this machine.
  const byName = await submit(system, `http://localhost:${target.port}/`)
  const named = await untilDelivery(system, byName, (it) => it.attempts > 0, 'an attempt')
  await untilDelivery(
    system,
    byName,
    ({ log }) => log.some(({ error }) => error === 'address_refused'),
    'refused',
  )
  expect(named.state).toBe('pending')

  receiver.answer({ status: 307, headers: { location: target.url } })
  const redirected = await submit(system, receiver.url)
  await untilDelivery(
    system,
    redirected,
    ({ log }) => log.some(({ error, status }) => error === 'redirect_refused' && status === 307),
    'the redirect refused',
  )
  expect(target.hits).toEqual([])
}, 60_000)

test('deliveries are listed by state and batch, and are nobody else’s business', async () => {
  const receiver = await startReceiver()
  const sentry = await startSentryServer()
  const system = await start('redis', { env: { SENTRY_DSN: sentry.dsn } })
  await rotate(system)
  const id = await submit(system, `${receiver.url}?token=canary`)
  const { id: deliveryId } = await untilDelivery(
    system,
    id,
    (it) => it.state === 'delivered',
    'delivered',
  )
  // Where errors and traces go is none of a receiver's business either.
  expect(Object.keys(receiver.hits[0]?.headers ?? {}).toSorted()).toEqual([
    'connection',
    'content-length',
    'content-type',
    'host',
    'user-agent',
    'webhook-id',
    'webhook-signature',
    'webhook-timestamp',
  ])
  const list = (query: string) => listed(system, query)
  expect((await list('')).map((it) => it.id)).toEqual([deliveryId])
  expect(await list('?state=pending')).toEqual([])
  expect(await list(`?state=delivered&batchId=${id}`)).toHaveLength(1)
  expect(await list(`?batchId=${crypto.randomUUID()}`)).toEqual([])
  const absent = await system.call(`/v1/webhook-deliveries/${crypto.randomUUID()}`)
  expect(absent.status).toBe(404)
  const metrics = await (await fetch(`${system.opsUrl}/metrics`)).text()
  expect(metrics).toMatch(/^inventoryrpa_pending_webhooks{.*} 0$/m)
  const [worker] = system.workers
  const { opsUrl } = (await worker?.ready) ?? {}
  const counted = await (await fetch(`${opsUrl}/metrics`)).text()
  expect(counted).toMatch(/^inventoryrpa_webhook_attempts_total{.*outcome="delivered".*} 1$/m)
}, 60_000)

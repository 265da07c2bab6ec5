import { randomUUID } from 'node:crypto'
import { untilCompleted } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'
import { spawnTestApp } from './spawn-test-app.ts'

const system = useSystem()

const bodyOf = (sku: string) => ({
  reference: 'again',
  lines: [{ type: 'adjustment', sku, location: 'here', quantity: '2.5' }],
})

const submit = (key: string, body: unknown) => system.post(body, { 'idempotency-key': key })

const read = async (answer: Response) => ({
  status: answer.status,
  location: answer.headers.get('location'),
  replayed: answer.headers.get('idempotent-replayed'),
  text: await answer.text(),
})

const onHand = async (sku: string) => {
  const answer = await system.call(`/v1/stock?sku=${sku}`)
  const { items } = await readJson<{ items: { onHand: string }[] }>(answer)
  return items.map((level) => level.onHand)
}

test('the same key and body get the very same answer, marked as replayed', async () => {
  const key = randomUUID()
  const first = await read(await submit(key, bodyOf('a')))
  expect(first).toMatchObject({ status: 202, replayed: null })
  const { id, state, counts } = JSON.parse(first.text)
  expect(first.location).toBe(`/v1/batches/${id}`)
  expect(state).toBe('accepted')
  expect(counts).toMatchObject({ total: 1, pending: 1 })
  for (const _ of [1, 2, 3]) {
    expect(await read(await submit(key, bodyOf('a')))).toEqual({ ...first, replayed: 'true' })
  }
})

test('the answer stays the same after the batch has completed, and its lines are applied once', async () => {
  const key = randomUUID()
  const first = await read(await submit(key, bodyOf('b')))
  await untilCompleted(system, JSON.parse(first.text).id)
  expect(await read(await submit(key, bodyOf('b')))).toEqual({ ...first, replayed: 'true' })
  expect(await onHand('b')).toEqual(['2.5'])
})

test('the same key with another body is a 422 and stores nothing', async () => {
  const key = randomUUID()
  expect((await submit(key, bodyOf('d'))).status).toBe(202)
  const answer = await submit(key, bodyOf('e'))
  expect(answer.status).toBe(422)
  expect(await answer.json()).toMatchObject({ status: 422, code: 'idempotency-mismatch' })
  const another = await readJson<{ id: string }>(await submit(randomUUID(), bodyOf('f')))
  await untilCompleted(system, another.id)
  expect(await onHand('e')).toEqual([])
})

test('a refused body leaves its key unused', async () => {
  const key = randomUUID()
  expect((await submit(key, { lines: [] })).status).toBe(400)
  expect(await read(await submit(key, bodyOf('g')))).toMatchObject({ status: 202, replayed: null })
})

test('50 requests at once make one batch, and each is answered 202 with its id or 409', async () => {
  const key = randomUUID()
  const answers = await Promise.all(Array.from({ length: 50 }, () => submit(key, bodyOf('h'))))
  const accepted = answers.filter(({ status }) => status === 202)
  const ids = new Set(
    await Promise.all(accepted.map(async (answer) => (await readJson<{ id: string }>(answer)).id)),
  )
  expect(ids.size).toBe(1)
  expect(accepted.filter((answer) => !answer.headers.has('idempotent-replayed'))).toHaveLength(1)
  for (const answer of answers.filter(({ status }) => status !== 202)) {
    expect(answer.status).toBe(409)
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await answer.json()).toMatchObject({ code: 'idempotency-conflict' })
  }
  const [id = ''] = ids
  await untilCompleted(system, id)
  expect(await onHand('h')).toEqual(['2.5'])
})

test('the same key of two tenants means two batches', async () => {
  const key = randomUUID()
  const { key: another } = await system.createKey({ tenant: 'another' })
  const submitAs = (apiKey: string, body: unknown) =>
    system.callAs(apiKey, '/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    })
  const first = await read(await submit(key, bodyOf('i')))
  const same = await read(await submitAs(another, bodyOf('i')))
  expect(same).toMatchObject({ status: 202, replayed: null })
  expect(same.location).not.toBe(first.location)
  expect((await submitAs(another, bodyOf('j'))).status).toBe(422)
})

test('without a key the same body is another batch each time', async () => {
  const first = await readJson<{ id: string }>(await system.post(bodyOf('k')))
  const second = await readJson<{ id: string }>(await system.post(bodyOf('k')))
  expect(second.id).not.toBe(first.id)
})

test('the answer stays the same in a process that never saw the first request', async () => {
  const key = randomUUID()
  const first = await read(await submit(key, bodyOf('c')))
  await system.api.stop({ graceMs: 10_000 })
  const { port } = new URL(system.apiUrl)
  const restarted = spawnTestApp('api', {
    DATABASE_URL: system.databaseUrl,
    REDIS_URL: system.redisUrl,
    QUEUE_PREFIX: system.redisPrefix,
    PORT: port,
  })
  await restarted.ready
  expect(await read(await submit(key, bodyOf('c')))).toEqual({ ...first, replayed: 'true' })

  const fresh = await read(await submit(randomUUID(), bodyOf('c')))
  await untilCompleted(system, JSON.parse(fresh.text).id)
  expect(await onHand('c')).toEqual(['5'])
})

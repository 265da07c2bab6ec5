import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { until, untilCompleted, upload } from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'
import { spawnTestApp } from './spawn-test-app.ts'

const system = useSystem()

const header = 'sku,location,quantity\n'
const rows = (sku: string, count = 1) => `${sku},Leeds,1\n`.repeat(count)

const send = (key: string, body: string | Buffer<ArrayBuffer> | Readable, query = '', more = {}) =>
  upload(system, body, { query, headers: { 'idempotency-key': key, ...more } })

const onHand = async (sku: string) => {
  const answer = await system.call(`/v1/stock?sku=${sku}`)
  const { items } = await readJson<{ items: { onHand: string }[] }>(answer)
  return items.map((level) => level.onHand)
}

const storedBatches = async () => {
  const client = new pg.Client({ connectionString: system.databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query(
      `select (select count(*)::int from batches) as batches, (select count(*)::int from upload_parts) as parts`,
    )
    return rows[0] as { batches: number; parts: number }
  } finally {
    await client.end()
  }
}

/** Comes until it is told to end: `sent` rows, then nothing. */
const unfinished = (sku: string, count: number) => {
  const { promise: told, resolve: finish } = Promise.withResolvers<void>()
  async function* body() {
    yield header
    for (let sent = 0; sent < count; sent += 1_000) yield rows(sku, 1_000)
    await told
  }
  const stream = Readable.from(body())
  onTestFinished(() => finish())
  return { stream, finish }
}

/** Rows that came in, however they are kept meanwhile. */
const untilReceiving = (key: string) =>
  until(async () => (await send(key, `${header}${rows('probe')}`)).status === 409, {
    describe: 'the first upload at work',
  })

test('the same key and content give the same answer, whatever the content was encoded as', async () => {
  const key = randomUUID()
  const body = Buffer.from(header + rows('a', 3))
  const first = await send(key, body)
  expect(first.status).toBe(202)
  const text = await first.text()
  for (const [again, more] of [
    [body, {}],
    [gzipSync(body), { 'content-encoding': 'gzip' }],
  ] as const) {
    const answer = await send(key, again, '', more)
    expect(answer.status).toBe(202)
    expect(answer.headers.get('idempotent-replayed')).toBe('true')
    expect(await answer.text()).toBe(text)
  }
  await untilCompleted(system, JSON.parse(text).id)
  expect(await onHand('a')).toEqual(['3'])
})

test('the same key with another content, another query or another type is a 422', async () => {
  const key = randomUUID()
  expect((await send(key, header + rows('b'))).status).toBe(202)
  const answers = [
    await send(key, header + rows('b', 2)),
    await send(key, header + rows('b'), 'negate=true'),
    await send(key, header + rows('b'), '', { 'content-type': 'application/x-ndjson' }),
    await system.post(
      { lines: [{ type: 'adjustment', sku: 'b', location: 'Leeds', quantity: 1 }] },
      { 'idempotency-key': key },
    ),
  ]
  for (const answer of answers) {
    expect(await readJson(answer)).toMatchObject({ status: 422, code: 'idempotency-mismatch' })
  }
})

test('50 at once make one batch; the others are told to ask again', async () => {
  const key = randomUUID()
  const before = (await storedBatches()).batches
  const body = header + rows('c', 2_000)
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(key, body)))
  const accepted = answers.filter(({ status }) => status === 202)
  expect(accepted.filter((it) => !it.headers.has('idempotent-replayed'))).toHaveLength(1)
  for (const answer of answers.filter(({ status }) => status !== 202)) {
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
    expect([409, 503]).toContain(answer.status)
  }
  expect((await storedBatches()).batches).toBe(before + 1)
  const again = await send(key, body)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  await untilCompleted(system, (await readJson<{ id: string }>(again)).id)
  expect(await onHand('c')).toEqual(['2000'])
}, 60_000)

test('while an upload comes in, its key is taken, in another process and for JSON as well', async () => {
  const other = spawnTestApp('api', {
    DATABASE_URL: system.databaseUrl,
    REDIS_URL: system.redisUrl,
    QUEUE_PREFIX: system.redisPrefix,
  })
  const { publicUrl } = await other.ready
  const key = randomUUID()
  const { stream, finish } = unfinished('d', 1_000)
  const first = send(key, stream)
  await untilReceiving(key)
  const call = (path: string, init?: RequestInit) =>
    fetch(`${publicUrl}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${system.apiKey}`, ...init?.headers },
    })
  const headers = { 'idempotency-key': key }
  expect((await upload({ call }, header + rows('d'), { headers })).status).toBe(409)
  const line = { type: 'adjustment', sku: 'd', location: 'Leeds', quantity: 1 }
  expect((await system.post({ lines: [line] }, headers)).status).toBe(409)
  finish()
  expect((await first).status).toBe(202)
}, 60_000)

test('an upload that is cut in the middle stores nothing, and may be sent again under its key', async () => {
  const key = randomUUID()
  const before = await storedBatches()
  const { stream } = unfinished('e', 200_000)
  const cut = new AbortController()
  const first = system
    .call('/v1/batches', {
      method: 'POST',
      headers: { 'content-type': 'text/csv', 'idempotency-key': key },
      body: stream as never,
      signal: cut.signal,
      ...({ duplex: 'half' } as object),
    })
    .catch((error: Error) => error)
  await untilReceiving(key)
  cut.abort()
  expect(await first).toBeInstanceOf(Error)
  const body = header + rows('e', 5)
  const again = await until(
    async () => {
      const answer = await send(key, body)
      return answer.status === 202 && answer
    },
    { describe: 'the key free again' },
  )
  expect(again.headers.has('idempotent-replayed')).toBe(false)
  await untilCompleted(system, (await readJson<{ id: string }>(again)).id)
  expect(await onHand('e')).toEqual(['5'])
  expect(await storedBatches()).toEqual({ batches: before.batches + 1, parts: 0 })
}, 60_000)

test('an upload that dies with its API is not stored, and is one batch when it is sent again', async () => {
  const key = randomUUID()
  const before = await storedBatches()
  const { stream } = unfinished('f', 200_000)
  const first = send(key, stream).catch((error: Error) => error)
  await untilReceiving(key)
  const { port } = new URL(system.apiUrl)
  system.api.kill('SIGKILL')
  await system.api.exited
  expect(await first).toBeInstanceOf(Error)
  const restarted = spawnTestApp('api', {
    DATABASE_URL: system.databaseUrl,
    REDIS_URL: system.redisUrl,
    QUEUE_PREFIX: system.redisPrefix,
    PORT: port,
  })
  await restarted.ready
  const body = header + rows('f', 5)
  const ids = new Set<string>()
  for (const _ of [1, 2, 3]) {
    const answer = await until(
      async () => {
        const sent = await send(key, body)
        return sent.status === 202 && sent
      },
      { timeoutMs: 40_000, describe: 'the batch accepted' },
    )
    ids.add((await readJson<{ id: string }>(answer)).id)
  }
  const [id = ''] = ids
  expect(ids.size).toBe(1)
  await untilCompleted(system, id)
  expect(await onHand('f')).toEqual(['5'])
  expect(await storedBatches()).toEqual({ batches: before.batches + 1, parts: 0 })
}, 90_000)

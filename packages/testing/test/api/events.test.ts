import { connect } from 'node:net'
import { openLedger, revokeApiKey } from '@inventoryrpa/ledger'
import { submitLines, until, untilCompleted } from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { follow } from './event-source.ts'
import { useSystem } from './shared-system.ts'

const heartbeatMs = 300
const system = useSystem({ env: { EVENT_HEARTBEAT_MS: String(heartbeatMs), EVENT_STREAMS: '40' } })

const line = { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: 1 }
const later = () => new Date(Date.now() + 3_600_000).toISOString()

const submit = async (body: object = {}, key = system.apiKey) => {
  const answer = await system.callAs(key, '/v1/batches', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ lines: [line], ...body }),
  })
  expect(answer.status).toBe(202)
  return ((await answer.json()) as { id: string }).id
}
const followAll = (lastEventId?: string, key = system.apiKey) =>
  follow(`${system.apiUrl}/v1/events`, key, { lastEventId })
const followBatch = (id: string, lastEventId?: string) =>
  follow(`${system.apiUrl}/v1/batches/${id}/events`, system.apiKey, { lastEventId })
const metric = async (name: string) => {
  const text = await (await fetch(`${system.opsUrl}/metrics`)).text()
  return Number(new RegExp(`^${name}{.*} (\\d+)$`, 'm').exec(text)?.[1])
}
const openStreams = () => metric('inventoryrpa_event_streams')
const residentBytes = () => metric('process_resident_memory_bytes')

test('a batch tells of its progress and of its end, and the stream ends', async () => {
  const lines = Array.from({ length: 200 }, (_, index) => ({ ...line, sku: `sku-${index}` }))
  const id = await submit({ lines })
  const stream = await followBatch(id)
  expect(await stream.ended).toBe('ended')
  const last = stream.events.at(-1)
  expect(last).toMatchObject({ event: 'batch.completed', id: expect.stringMatching(/^\d+$/) })
  expect(last?.data).toMatchObject({ id: last?.id, data: { id, state: 'completed' } })
  const { total, ...parts } = last?.data.data.counts ?? {}
  expect(total).toBe(200)
  expect(Object.values(parts).reduce((sum, it) => sum + it, 0)).toBe(total)
  for (const it of stream.events.slice(0, -1)) {
    expect(it).toMatchObject({ event: 'batch.progress', id: undefined, data: { data: { id } } })
  }
})

test('a batch that is done is told from its beginning, and to who knows its end nothing more', async () => {
  const id = await submit()
  await untilCompleted(system, id)
  const stream = await followBatch(id)
  expect(await stream.ended).toBe('ended')
  expect(stream.events.map(({ event }) => event)).toEqual(['batch.completed'])
  const again = await system.call(`/v1/batches/${id}/events`, {
    headers: { 'last-event-id': stream.lastEventId ?? '' },
  })
  expect(again.status).toBe(204)
  expect(await again.text()).toBe('')
})

test('a batch that waits has its state told, and is followed until it is done', async () => {
  const id = await submit({ notBefore: new Date(Date.now() + 2_500).toISOString() })
  const stream = await followBatch(id)
  await until(() => stream.events.length === 1, { describe: 'the state of the batch' })
  expect(stream.events[0]).toMatchObject({
    event: 'batch.progress',
    data: { type: 'batch.progress', data: { id, state: 'accepted' } },
  })
  await until(() => stream.comments.length > 0, { describe: 'a comment while nothing happens' })
  expect(stream.retryMs).toBeGreaterThan(100)
  expect(await stream.ended).toBe('ended')
  expect(stream.events.at(-1)?.event).toBe('batch.completed')
})

test('a tenant is told what happens from now on, each once and in order, and of no other tenant', async () => {
  await untilCompleted(system, await submit())
  const { key: foreign } = await system.createKey({ tenant: 'another' })
  const stream = await followAll()
  const ids = await submitLines(system, Array(20).fill(line), { bodyLines: 1 })
  await submit({}, foreign)
  await until(() => stream.events.length >= ids.length, { describe: 'all events' })
  expect(stream.events.map(({ data }) => data.data.id).toSorted()).toEqual(ids.toSorted())
  const numbers = stream.events.map(({ id }) => Number(id))
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))

  const middle = stream.events[9]?.id
  const resumed = await followAll(middle)
  await until(() => resumed.events.length >= 10, { describe: 'the events after the tenth' })
  expect(resumed.events).toEqual(stream.events.slice(10))
  const byQuery = await follow(`${system.apiUrl}/v1/events`, system.apiKey, {
    query: `?lastEventId=${middle}`,
  })
  await until(() => byQuery.events.length >= 10, { describe: 'the same by the query' })
})

test('an id that was never given hides nothing that comes', async () => {
  const stream = await followAll('999999999999')
  await submit()
  await until(() => stream.events.length === 1, { describe: 'the event' })
})

test('many more events than are read at once arrive, each once', async () => {
  const ids = await submitLines(system, Array(120).fill(line), { bodyLines: 1 })
  for (const id of ids) await untilCompleted(system, id)
  const stream = await followAll('0')
  await until(() => ids.every((id) => stream.events.some(({ data }) => data.data.id === id)), {
    describe: 'all events',
  })
  expect(new Set(stream.events.map(({ id }) => id)).size).toBe(stream.events.length)
})

test.for(['x', '-1', '1e3', '9'.repeat(16), ''])('a last event of %j is refused', async (id) => {
  const answer = await system.call(`/v1/events?lastEventId=${id}`)
  expect(answer.status).toBe(400)
})

test("another tenant's batch has no events, and a HEAD opens no stream", async () => {
  const id = await submit({ notBefore: later() })
  const { key } = await system.createKey({ tenant: 'another' })
  expect((await system.callAs(key, `/v1/batches/${id}/events`)).status).toBe(404)
  expect((await system.call('/v1/events', { method: 'HEAD' })).status).toBe(404)
})

test('a key has its bound, another has its own, and a stream that ends makes room', async () => {
  await until(async () => (await openStreams()) === 0, { describe: 'no stream left open' })
  const { key } = await system.createKey()
  const streams = await Promise.all(Array.from({ length: 32 }, () => followAll(undefined, key)))
  const refused = await system.callAs(key, '/v1/events')
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({ code: 'rate-limited' })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await openStreams()).toBe(32)

  const others = await Promise.all(Array.from({ length: 8 }, () => followAll()))
  const full = await system.call('/v1/events')
  expect(full.status).toBe(503)
  expect(await full.json()).toMatchObject({ code: 'unavailable' })

  for (const stream of [...streams, ...others]) stream.close()
  await until(async () => (await openStreams()) === 0, { describe: 'all places given back' })
  await followAll(undefined, key)
})

test('a key that is revoked reads no further', async () => {
  const { id, key } = await system.createKey()
  const stream = await followAll(undefined, key)
  const ledger = openLedger({ databaseUrl: system.databaseUrl, maxConnections: 1 })
  try {
    await revokeApiKey(ledger.db, id)
  } finally {
    await ledger.close()
  }
  const ended = Promise.race([
    stream.ended,
    until(() => false, { timeoutMs: 9_000, describe: 'the end' }),
  ])
  expect(await ended).toBe('ended')
})

test('clients that read nothing are cut off, and cost next to no memory until then', async () => {
  await until(async () => (await openStreams()) === 0, { describe: 'no stream left open' })
  const { key } = await system.createKey({ tenant: 'much' })
  const id = await submit({}, key)
  const client = new pg.Client({ connectionString: system.databaseUrl })
  await client.connect()
  onTestFinished(() => client.end())
  // 100 MB, where the kernel takes some 6 MB for each connection.
  await client.query(
    `insert into events (tenant_id, batch_id, type, data)
     select tenant_id, id, 'batch.completed', jsonb_build_object('id', id, 'text', repeat('x', 10000))
     from batches, generate_series(1, 10000) where id = $1`,
    [id],
  )
  const before = await residentBytes()
  const { hostname, port } = new URL(system.apiUrl)
  for (let index = 0; index < 10; index += 1) {
    const socket = connect({ host: hostname, port: Number(port) })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {}).pause()
    socket.write(
      `GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\nlast-event-id: 1\r\n\r\n`,
    )
  }
  await until(async () => (await openStreams()) === 10, { everyMs: 5, describe: 'all open' })
  let most = 0
  const cut = async () => {
    most = Math.max(most, await residentBytes())
    return (await openStreams()) === 0
  }
  await until(cut, { timeoutMs: 60_000, describe: 'all cut off' })
  expect((most - before) / 1024 ** 2).toBeLessThan(100)

  const { rows } = await client.query('select max(id) as latest from events')
  const reading = await follow(`${system.apiUrl}/v1/events`, key, {
    lastEventId: String(rows[0].latest - 100),
  })
  await until(() => reading.events.length === 100, { describe: 'all that is left for who reads' })
}, 150_000)

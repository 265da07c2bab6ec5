import { request } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { until, upload, watchMemory } from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

const maxBytes = 20_000_000
const system = useSystem({
  workers: 0,
  env: { UPLOAD_MAX_BYTES: String(maxBytes), UPLOADS_AT_ONCE: '3' },
})

const header = 'sku,location,quantity\n'
const row = 'slow,Leeds,1\n'

type Chunks = AsyncIterable<string>

/** Sends a body as it comes. @returns how it ended, and after how many seconds */
const sendSlowly = async (type: string, chunks: Chunks) => {
  const { hostname, port } = new URL(system.apiUrl)
  const began = performance.now()
  const { promise, resolve } = Promise.withResolvers<number | 'cut off'>()
  const sent = request({
    ...{ hostname, port, path: '/v1/batches', method: 'POST', agent: false },
    headers: { authorization: `Bearer ${system.apiKey}`, 'content-type': type },
  })
  let status = 0
  sent.once('response', (answer) => {
    status = answer.statusCode ?? 0
    answer.resume()
  })
  sent.on('error', () => resolve('cut off'))
  sent.once('close', () => resolve(sent.writableFinished ? status : 'cut off'))
  Readable.from(chunks)
    .on('error', () => {})
    .pipe(sent)
  const ended = await promise
  sent.destroy()
  return { status, ended, seconds: (performance.now() - began) / 1_000 }
}

/** So many pieces, one every so many ms, and then whatever follows. */
async function* trickle(pieces: { first: string; piece: string; count: number; everyMs: number }) {
  yield pieces.first
  for (let sent = 0; sent < pieces.count; sent++) {
    await delay(pieces.everyMs)
    yield pieces.piece
  }
}

test('a slow sender is waited for while it keeps sending, and cut off when it does not, or on another route', async () => {
  const [kept, stalled, dripping, json] = await Promise.all([
    sendSlowly(
      'text/csv',
      trickle({ first: header, piece: row.repeat(200), count: 36, everyMs: 1_000 }),
    ),
    sendSlowly('text/csv', trickle({ first: header + row, piece: row, count: 1, everyMs: 60_000 })),
    sendSlowly('text/csv', trickle({ first: header, piece: row, count: 60, everyMs: 1_000 })),
    sendSlowly(
      'application/json',
      trickle({ first: '{"lines":[', piece: ' '.repeat(10_000), count: 60, everyMs: 1_000 }),
    ),
  ])
  expect(kept).toMatchObject({ status: 202, ended: 202 })
  expect(kept.seconds).toBeGreaterThan(35)
  for (const cut of [stalled, dripping]) {
    expect(cut).toMatchObject({ status: 0, ended: 'cut off' })
    expect(cut.seconds).toBeGreaterThan(29)
    expect(cut.seconds).toBeLessThan(40)
  }
  // It is answered before, as nobody waits that long for its lines.
  expect(json).toMatchObject({ status: 503, ended: 'cut off' })
  expect(json.seconds).toBeLessThan(40)
}, 80_000)

test('what decodes to more than is accepted is a 413, and memory does not grow with it', async () => {
  const memory = await watchMemory(system.api.pid)
  const huge = Buffer.alloc(200_000_000, row)
  const long = Buffer.alloc(200_000_000, 'x')
  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    for (const [bytes, status] of [
      [Buffer.concat([Buffer.from(header), huge]), 413],
      // One cell without an end.
      [Buffer.concat([Buffer.from(header), long]), 400],
    ] as const) {
      const answer = await upload(system, compress(bytes), {
        headers: { 'content-encoding': encoding },
      })
      expect(answer.status, await answer.text()).toBe(status)
    }
    const lines = await upload(system, compress(long), {
      type: 'application/x-ndjson',
      headers: { 'content-encoding': encoding },
    })
    expect(lines.status).toBe(413)
  }
  const { before, peak } = await memory.stop()
  expect(peak - before).toBeLessThan(100)
}, 90_000)

test('a plain body of more bytes than are accepted is a 413', async () => {
  const body = header + row.repeat(maxBytes / row.length)
  expect((await upload(system, body)).status).toBe(413)
}, 30_000)

test('when as many uploads are under way as may be, another is told to ask again', async () => {
  const finishes: (() => void)[] = []
  const stream = () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    finishes.push(resolve)
    async function* body() {
      yield header + row
      await promise
    }
    return Readable.from(body())
  }
  onTestFinished(() => {
    for (const finish of finishes) finish()
  })
  // One of them may meet a probe in its place.
  const tryOpen = () =>
    until(
      async () => {
        const answer = await upload(system, stream())
        return answer.status !== 503 && answer
      },
      { describe: 'a place' },
    )
  const first = Array.from({ length: 3 }, tryOpen)
  const refused = await until(
    async () => {
      const answer = await upload(system, header + row)
      return answer.status === 503 && answer
    },
    { describe: 'all places taken' },
  )
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(await readJson(refused)).toMatchObject({ code: 'unavailable' })
  // Small requests take none of them.
  const line = { type: 'adjustment', sku: 'a', location: 'b', quantity: 1 }
  expect((await system.post({ lines: [line] })).status).toBe(202)
  for (const finish of finishes) finish()
  for (const answer of await Promise.all(first)) expect(answer.status).toBe(202)
  expect((await upload(system, header + row)).status).toBe(202)
})

test('more than 100,000 lines of one SKU are refused, since a worker holds them in memory', async () => {
  const answer = await upload(system, header + 'one,Leeds,1\n'.repeat(100_001))
  expect(await readJson(answer)).toMatchObject({
    status: 413,
    detail: expect.stringContaining('SKU one'),
  })
}, 30_000)

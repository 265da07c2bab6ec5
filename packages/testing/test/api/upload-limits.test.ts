import { request } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { until, upload, watchMemory } from '@inventoryrpa/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

const maxBytes = 20_000_000
const system = useSystem({ workers: 0, env: { UPLOAD_MAX_BYTES: String(maxBytes) } })

const header = 'sku,location,quantity\n'
const row = 'slow,Leeds,1\n'

type Body = { type?: string; chunks: AsyncIterable<string> | Iterable<string> }

/** Sends a body as it comes. @returns the status, or the error that the connection ended with */
const sendSlowly = async ({ type = 'text/csv', chunks }: Body): Promise<number | string> => {
  const { hostname, port } = new URL(system.apiUrl)
  const { promise, resolve } = Promise.withResolvers<number | string>()
  const sent = request({
    ...{ hostname, port, path: '/v1/batches', method: 'POST', agent: false },
    headers: { authorization: `Bearer ${system.apiKey}`, 'content-type': type },
  })
  sent.once('response', async (answer) => {
    await text(answer).catch(() => '')
    if (!isSending) resolve(answer.statusCode ?? 0)
  })
  sent.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
  sent.once('close', () => resolve('closed'))
  let isSending = type === 'application/json'
  Readable.from(chunks).pipe(sent)
  onTestFinished(() => void sent.destroy())
  const ended = await promise
  isSending = false
  return ended
}

/** So many pieces, one every so many ms. */
async function* trickle(piece: string, count: number, everyMs: number) {
  yield header
  for (let sent = 0; sent < count; sent++) {
    await delay(everyMs)
    yield piece
  }
}

const never = () => new Promise<never>(() => {})

describe.concurrent('a slow sender', { timeout: 80_000 }, () => {
  test('is waited for as long as it keeps sending', async () => {
    const piece = row.repeat(500)
    expect(await sendSlowly({ chunks: trickle(piece, 36, 1_000) })).toBe(202)
  })

  test('is cut off when nothing comes for half a minute', async () => {
    async function* stalling() {
      yield header + row
      await never()
    }
    const began = performance.now()
    expect(await sendSlowly({ chunks: stalling() })).not.toBe(202)
    expect((performance.now() - began) / 1_000).toBeGreaterThan(28)
    expect((performance.now() - began) / 1_000).toBeLessThan(40)
  })

  test('is cut off when it sends less than a kilobyte a second', async () => {
    expect(await sendSlowly({ chunks: trickle(row, 70, 1_000) })).not.toBe(202)
  })

  test('is cut off on every other route, whatever it sends', async () => {
    async function* json() {
      yield '{"lines":['
      for (;;) {
        await delay(500)
        yield ' '.repeat(10_000)
      }
    }
    const began = performance.now()
    const ended = await sendSlowly({ type: 'application/json', chunks: json() })
    expect(ended).not.toBe(202)
    expect((performance.now() - began) / 1_000).toBeLessThan(40)
  })
})

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
  const first = [upload(system, stream()), upload(system, stream())]
  const refused = await until(
    async () => {
      const answer = await upload(system, header + row)
      return answer.status === 503 && answer
    },
    { describe: 'both places taken' },
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

import { createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { FailureCode } from '@inventoryrpa/stock-source'
import { expect, onTestFinished, test } from 'vitest'
import { key, openClient } from './sources.ts'

/** Answers each request with these very bytes, and keeps what it was sent. */
const startWire = async (reply: (socket: Socket, nth: number) => void) => {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.on('data', (bytes) => {
      requests.push(bytes.toString())
      reply(socket, requests.length)
    })
  })
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await listening
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, requests }
}

const answer = Buffer.from(
  JSON.stringify({ asOf: '2026-11-24T00:00:00Z', items: [{ ...key, onHand: '2.5' }] }),
)
const head = (headers: Record<string, string | number>, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\n${Object.entries({ 'content-type': 'application/json', ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`
const message = (body: Buffer, headers = {}, status = '200 OK') =>
  Buffer.concat([Buffer.from(head({ 'content-length': body.length, ...headers }, status)), body])

const readFrom = async (reply: (socket: Socket, nth: number) => void, path = '') => {
  const wire = await startWire(reply)
  const { source } = openClient({
    primary: { url: wire.url + path, token: 'secret' },
    staleAfterMs: Number.MAX_SAFE_INTEGER,
  })
  return { wire, source, reading: await source.read([key]) }
}

const gzipped = gzipSync(answer)

const fine: [string, Buffer][] = [
  ['plain', message(answer)],
  ['with a charset', message(answer, { 'content-type': 'Application/JSON; charset=utf-8' })],
  ['with gzip', message(gzipped, { 'content-encoding': 'gzip' })],
  [
    'in members of gzip',
    message(Buffer.concat([gzipSync(answer.subarray(0, 9)), gzipSync(answer.subarray(9))]), {
      'content-encoding': 'gzip',
    }),
  ],
  [
    'after an interim answer',
    Buffer.concat([Buffer.from('HTTP/1.1 102 Processing\r\n\r\n'), message(answer)]),
  ],
  ['with a byte order mark', message(Buffer.concat([Buffer.from('\ufeff'), answer]))],
]

test.for(fine)('an answer %s is read', async ([, bytes]) => {
  const { reading } = await readFrom((socket) => socket.write(bytes))
  expect(reading).toMatchObject({ outcome: 'read', source: 'primary' })
})

const bad: [string, Buffer | string, FailureCode][] = [
  ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 'invalid_response'],
  ['a header without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`, 'too_large'],
  ['no content', 'HTTP/1.1 204 No Content\r\n\r\n', 'http_error'],
  ['a status nobody knows', message(answer, {}, '299 Odd'), 'http_error'],
  ['no content type', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}', 'invalid_response'],
  ['another JSON', message(answer, { 'content-type': 'application/jsonp' }), 'invalid_response'],
  ['brotli, unasked', message(answer, { 'content-encoding': 'br' }), 'invalid_response'],
  ['gzip twice', message(gzipped, { 'content-encoding': 'gzip, gzip' }), 'invalid_response'],
  ['gzip that is none', message(answer, { 'content-encoding': 'gzip' }), 'invalid_response'],
  [
    'half of its gzip',
    message(gzipped.subarray(0, 30), { 'content-encoding': 'gzip' }),
    'invalid_response',
  ],
  ['what is not UTF-8', message(Buffer.from([0x22, 0xc3, 0x28, 0x22])), 'invalid_response'],
  [
    'gzip that unpacks to nothing, again and again',
    message(Buffer.concat(Array(250_000).fill(gzipSync(''))), { 'content-encoding': 'gzip' }),
    'too_large',
  ],
]

test.for(bad)('an answer of %s ends as such', async ([, bytes, code]) => {
  const { reading } = await readFrom((socket) => socket.write(bytes))
  expect(reading).toMatchObject({ outcome: 'unavailable', primary: { code } })
})

test.for([
  ['of known length', head({ 'content-length': answer.length })],
  ['in chunks', `${head({ 'transfer-encoding': 'chunked' })}5\r\n`],
] as const)('a body %s that ends early is a reset', async ([, begun]) => {
  const { reading } = await readFrom((socket) => socket.end(begun + answer.subarray(0, 5)))
  expect(reading).toMatchObject({ primary: { code: 'reset' } })
})

test('a kept connection that the server closes meanwhile costs no failure', async () => {
  const { wire, source } = await readFrom((socket, nth) => {
    if (nth === 2) socket.resetAndDestroy()
    else socket.write(message(answer))
  })
  expect(await source.read([key])).toMatchObject({ outcome: 'read' })
  expect(wire.requests).toHaveLength(3)
})

test('a body that breaks is not asked for again', async () => {
  const { wire } = await readFrom((socket) => socket.end(message(answer).subarray(0, -5)))
  expect(wire.requests).toHaveLength(1)
})

test('a request is what the contract says, under the path of the URL', async () => {
  const { wire } = await readFrom((socket) => socket.write(message(answer)), '/erp/stock/')
  const [request = ''] = wire.requests
  expect(request).toMatch(/^POST \/erp\/stock\/v1\/on-hand HTTP\/1\.1\r\n/)
  expect(request).toContain('authorization: Bearer secret\r\n')
  expect(request).toContain('content-type: application/json\r\n')
  expect(request.split('\r\n\r\n')[1]).toBe(JSON.stringify({ items: [key] }))
})

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from '@inventoryrpa/client'
import { expect, onTestFinished, test } from 'vitest'

type Answer = (response: ServerResponse) => void

/** A server that answers one request after the other as told, and the last way from then on. */
const startServer = async (...answers: Answer[]) => {
  const requests: { key: string | undefined; at: number; body: string }[] = []
  const server = createServer(async (request: IncomingMessage, response) => {
    const at = performance.now()
    let body = ''
    for await (const chunk of request) body += chunk
    requests.push({ key: request.headers['idempotency-key'] as string | undefined, at, body })
    const answer = answers[Math.min(requests.length, answers.length) - 1]
    answer?.(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close().closeAllConnections())
  const client = createClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    apiKey: 'irpa_x',
    retry: { retries: 3, minDelayMs: 10 },
    timeoutMs: 300,
  })
  return { client, requests }
}

const problem =
  (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers })
    response.end(JSON.stringify({ title: 'No', detail: 'not now', status, code, requestId: 'r' }))
  }
const accepted: Answer = (response) => {
  response.writeHead(202, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ id: 'b' }))
}
const never: Answer = () => undefined
const cut: Answer = (response) => response.destroy()

const lines = [{ type: 'adjustment', sku: 'a', location: 'b', quantity: 1 } as const]

test('what a server cannot answer now is sent again as it was, under the same key', async () => {
  const refusals = [problem(503, 'unavailable'), problem(409, 'idempotency-conflict'), cut]
  const { client, requests } = await startServer(...refusals, accepted)
  expect(await client.submit({ lines })).toEqual({ id: 'b' })
  expect(requests).toHaveLength(4)
  expect(new Set(requests.map(({ key, body }) => `${key} ${body}`)).size).toBe(1)
})

test('a file is sent again from its beginning', async () => {
  const { client, requests } = await startServer(cut, problem(503, 'unavailable'), accepted)
  await client.upload(new Blob(['sku,location,quantity\na,b,1\n']), { format: 'csv' })
  const stream = () => new Blob(['{}\n']).stream()
  await client.upload(stream, { format: 'ndjson' }, { idempotencyKey: 'mine' })
  expect(requests.map(({ body }) => body.length)).toEqual([28, 28, 28, 3])
  expect(new Set(requests.slice(0, 3).map(({ key }) => key)).size).toBe(1)
  expect(requests[3]?.key).toBe('mine')
})

test('it waits for as long as the server asks', async () => {
  const busy = problem(429, 'rate-limited', { 'retry-after': '1' })
  const { client, requests } = await startServer(busy, accepted)
  await client.submit({ lines })
  const [first, second] = requests
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000)
})

test('a server that never answers is given up after the retries', async () => {
  const { client, requests } = await startServer(never)
  await expect(client.batch('x')).rejects.toMatchObject({ code: 'unreachable', status: 0 })
  expect(requests).toHaveLength(4)
})

test.for([
  ['a conflict of states', problem(409, 'batch-state')],
  ['a body that is not valid', problem(400, 'invalid-request')],
  ['another body under the same key', problem(422, 'idempotency-mismatch')],
] as const)('%s is not tried again', async ([, answer]) => {
  const { client, requests } = await startServer(answer)
  await expect(client.submit({ lines })).rejects.toThrow('No: not now')
  expect(requests).toHaveLength(1)
})

test('what must not happen twice is not asked for again when its answer was lost', async () => {
  const { client, requests } = await startServer(cut)
  await expect(client.rotateWebhookSecret()).rejects.toMatchObject({ code: 'unreachable' })
  await expect(client.reverse('x')).rejects.toMatchObject({ code: 'unreachable' })
  expect(requests).toHaveLength(2)
})

test('an answer that is not of the API is told with its status', async () => {
  const page: Answer = (response) => response.writeHead(404).end('<html>nginx</html>')
  const { client } = await startServer(page)
  await expect(client.batch('x')).rejects.toMatchObject({ code: 'http-404', status: 404 })
})

import { openLedger, revokeApiKey } from '@inventoryrpa/ledger'
import { getBatch, until } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { readOperations } from './operations.ts'
import { rawRequest } from './raw-request.ts'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

const system = useSystem()

const line = { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: 1 }
const neverIssued = `irpa_0123456789ab_${'x'.repeat(43)}`

/** The answers of every operation under /v1 to a request with these headers. */
const answers = async (headers: Record<string, string>) => {
  const operations = await readOperations(system.apiUrl)
  expect(operations.length).toBeGreaterThanOrEqual(6)
  return Promise.all(
    operations.map(async ({ method, path, operationId }) => {
      const answer = await fetch(`${system.apiUrl}${path}`, { method, headers })
      return {
        operationId,
        answer,
        problem: await readJson<{ code: string; detail: string }>(answer),
      }
    }),
  )
}

const expectAll401 = async (headers: Record<string, string>) => {
  for (const { operationId, answer, problem } of await answers(headers)) {
    expect({ operationId, status: answer.status, code: problem.code }).toEqual({
      operationId,
      status: 401,
      code: 'unauthorized',
    })
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
  }
}

const revoke = async (id: string) => {
  const ledger = openLedger({ databaseUrl: system.databaseUrl, maxConnections: 1 })
  try {
    expect(await revokeApiKey(ledger.db, id)).toBe(true)
  } finally {
    await ledger.close()
  }
}

test('every operation answers 401 without a key', () => expectAll401({}))

test.for([
  ['a key that was never issued', `Bearer ${neverIssued}`],
  ['a text that is no key', 'Bearer admin'],
  ['no text behind Bearer', 'Bearer '],
  ['another scheme', `Basic ${Buffer.from('admin:admin').toString('base64')}`],
  ['two keys', `Bearer ${neverIssued} ${neverIssued}`],
])('every operation answers 401 to %s', ([, authorization = '']) => expectAll401({ authorization }))

test("every operation answers 401 to a real key's id with another secret", () => {
  const forged = system.apiKey.replace(/.{10}$/, '0123456789')
  return expectAll401({ authorization: `Bearer ${forged}` })
})

test('every operation answers 401 to a key that was revoked before its first use', async () => {
  const { id, key } = await system.createKey()
  await revoke(id)
  await expectAll401({ authorization: `Bearer ${key}` })
})

test('a key in use works for at most 6 s after it is revoked', async () => {
  const { id, key } = await system.createKey()
  expect((await system.callAs(key, '/v1/stock')).status).toBe(200)
  await revoke(id)
  const refused = async () => (await system.callAs(key, '/v1/stock')).status === 401
  await until(refused, { timeoutMs: 6_000, describe: 'the revoked key refused' })
})

test('every operation answers 403 to a key that lacks its scope', async () => {
  const { key } = await system.createKey({ scopes: [] })
  for (const { operationId, answer, problem } of await answers({
    authorization: `Bearer ${key}`,
  })) {
    expect({ operationId, status: answer.status }).toEqual({ operationId, status: 403 })
    expect(problem).toMatchObject({ status: 403, code: 'forbidden' })
    expect(problem.detail).toContain('scope')
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
  }
})

test('a key may do what its scope says and no more', async () => {
  const { key } = await system.createKey({ scopes: ['stock:read'] })
  expect((await system.callAs(key, '/v1/stock')).status).toBe(200)
  expect((await system.callAs(key, '/v1/stock/sku-1/movements')).status).toBe(200)
  expect((await system.callAs(key, '/v1/batches')).status).toBe(403)
  const post = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
  expect((await system.callAs(key, '/v1/batches', post)).status).toBe(403)
})

test("another tenant's batch, stock and movements do not exist", async () => {
  const { id } = (await (await system.post({ lines: [line] })).json()) as { id: string }
  const { key } = await system.createKey({ tenant: 'another' })
  await until(async () => (await getBatch(system, id)).counts.applied === 1, {
    describe: 'the line applied',
  })
  for (const path of [`/v1/batches/${id}`, `/v1/batches/${id}/lines`]) {
    expect((await system.call(path)).status, path).toBe(200)
    const answer = await system.callAs(key, path)
    expect(answer.status, path).toBe(404)
    expect(await answer.json()).toMatchObject({ code: 'not-found' })
  }
  for (const path of ['/v1/batches', '/v1/stock', '/v1/stock/sku-1/movements']) {
    const { items } = await readJson<{ items: object[] }>(await system.call(path))
    expect(items.length, path).toBeGreaterThan(0)
    expect(await (await system.callAs(key, path)).json(), path).toEqual({
      items: [],
      nextCursor: null,
    })
  }
})

const variantsOf = (path: string) => [
  `/${path}`,
  path.replace('/v1', '/V1'),
  `${path}/`,
  path.replace('/v1', '/v1;x'),
  path.replace('/v1/', '/v1%2F'),
  path.replace('/v1/', '/v1//'),
  path.replace('/v1/', '/v1/./'),
  path.replace('/v1/', '/v1/x/../'),
  path.replace('/v1/', '/%76%31/'),
  path.replace('/v1/', '/v1/%2e/'),
  `/.${path}`,
  `/docs/..${path}`,
  `/docs/%2e%2e${path}`,
  `/openapi.json/..${path}`,
  `${path};x`,
  `${path}%00`,
  `${path}.json`,
  `http://127.0.0.1${path}`,
]

test.for(['/v1/batches', '/v1/stock', '/v1/stock/sku-1/movements'])(
  'no way to write %s is answered without a key',
  async (path) => {
    for (const variant of variantsOf(path)) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        const { status } = await rawRequest(system.apiUrl, variant, { method })
        expect(status, `${method} ${variant}`).toBeGreaterThanOrEqual(400)
        expect(status, `${method} ${variant}`).toBeLessThan(500)
      }
    }
  },
)

test.for(['/queues', '/metrics', '/livez', '/readyz', '/'])(
  'the public listener does not serve %s',
  async (path) => {
    const own = { authorization: `Bearer ${system.apiKey}` }
    const basic = Buffer.from(`${system.opsUser}:${system.opsPassword}`).toString('base64')
    for (const headers of [{}, own, { authorization: `Basic ${basic}` }]) {
      for (const variant of [path, `${path}/`, `/${path}`, path.toUpperCase(), `/v1${path}`]) {
        const { status } = await rawRequest(system.apiUrl, variant, { headers })
        expect([401, 404], variant).toContain(status)
      }
    }
  },
)

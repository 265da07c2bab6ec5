import { until } from '@inventoryrpa/testing'
import { SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readOperations } from './operations.ts'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'
import { spawnTestApp } from './spawn-test-app.ts'
import { startTestIssuer, type TestIssuer } from './test-issuer.ts'

const issuer: TestIssuer = await startTestIssuer()
afterAll(() => issuer.close())

const system = useSystem({
  workers: 0,
  env: { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: issuer.audience },
})
const line = { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: 1 }
const seconds = () => Math.floor(Date.now() / 1_000)

const answer = (token: string, path = '/v1/stock') => system.callAs(token, path)
const status = async (token: string, path?: string) => (await answer(token, path)).status

beforeAll(() => system.createKey({ tenant: 'another' }))

test('a token of the issuer opens what its scopes say', async () => {
  const token = await issuer.token({ scope: 'openid stock:read' })
  expect(await status(token)).toBe(200)
  expect(await status(token, '/v1/batches')).toBe(403)
  expect(await status(await issuer.token({ scp: ['batches:read'] }), '/v1/batches')).toBe(200)
  expect(await status(await issuer.token({ scp: 'admin' }), '/v1/keys')).toBe(200)
  expect(await status(await issuer.token())).toBe(403)
  expect(await status(await issuer.token({ scope: 'everything', scp: { admin: true } }))).toBe(403)
})

test('what a token submits carries its subject, and only its tenant sees it', async () => {
  const token = await issuer.token({ sub: 'robot-7', scope: 'batches:write batches:read' })
  const posted = await system.callAs(token, '/v1/batches', {
    method: 'POST',
    body: JSON.stringify({ lines: [line] }),
    headers: { 'content-type': 'application/json' },
  })
  expect(posted.status).toBe(202)
  const { id, submittedBy } = await readJson<{ id: string; submittedBy: string }>(posted)
  expect(submittedBy).toBe('jwt:robot-7')
  const other = await issuer.token({ tenant: 'another', scope: 'admin' })
  expect(await status(other, `/v1/batches/${id}`)).toBe(404)
  expect(await readJson(await answer(other, '/v1/batches'))).toEqual({
    items: [],
    nextCursor: null,
  })
})

test('API keys go on beside tokens', async () => {
  expect((await system.call('/v1/stock')).status).toBe(200)
})

test('every operation answers 403 to a token without scopes', async () => {
  const token = await issuer.token()
  for (const { method, path, operationId } of await readOperations(system.apiUrl)) {
    const { status } = await system.callAs(token, path, { method })
    expect({ operationId, status }).toEqual({ operationId, status: 403 })
  }
})

test('every operation answers 401 to a forged token', async () => {
  const token = await issuer.forge({ scope: 'admin' })
  for (const { method, path, operationId } of await readOperations(system.apiUrl)) {
    const { status } = await system.callAs(token, path, { method })
    expect({ operationId, status }).toEqual({ operationId, status: 401 })
  }
})

const scope = 'admin'
const refused: [why: string, make: () => Promise<string> | string][] = [
  ['has expired', () => issuer.token({ scope, exp: seconds() - 31 })],
  ['never expires', () => issuer.token({ scope, exp: undefined })],
  ['is not valid yet', () => issuer.token({ scope, nbf: seconds() + 60 })],
  ['is for others', () => issuer.token({ scope, aud: 'someone-else' })],
  ['is for nobody', () => issuer.token({ scope, aud: undefined })],
  ['is from another issuer', () => issuer.token({ scope, iss: 'http://127.0.0.1:1' })],
  ['has no subject', () => issuer.token({ scope, sub: undefined })],
  ['has an empty subject', () => issuer.token({ scope, sub: '' })],
  ['has too long a subject', () => issuer.token({ scope, sub: 'x'.repeat(256) })],
  ['has a subject over two lines', () => issuer.token({ scope, sub: 'a\nb' })],
  ['names no tenant', () => issuer.token({ scope, tenant: undefined })],
  ['names a tenant that there is not', () => issuer.token({ scope, tenant: 'nobody' })],
  ['names a tenant by a number', () => issuer.token({ scope, tenant: 1 })],
  ['names several tenants', () => issuer.token({ scope, tenant: ['test'] })],
  ['is signed by another key', () => issuer.forge({ scope })],
  ['is signed by a key that is not published', () => issuer.token({ scope }, { kid: 'key-99' })],
  ['was changed', async () => swapPayload(await issuer.token({ scope: 'stock:read' }))],
  ['is not signed', () => new UnsecuredJWT(claims()).encode()],
  ['is signed with the public key as a secret', withPublicKeyAsSecret],
  ['is signed with a shared secret', () => withSecret(new Uint8Array(32))],
  ['is no token', () => 'a.b.c'],
  ['has too many parts', async () => `${await issuer.token({ scope })}.x.y`],
  ['is longer than 8 KiB', async () => issuer.token({ scope, more: 'x'.repeat(9_000) })],
]

const claims = () => ({
  ...{ iss: issuer.url, aud: issuer.audience, sub: 'robot', exp: seconds() + 300 },
  ...{ scope, tenant: 'test' },
})

function withSecret(secret: Uint8Array): Promise<string> {
  return new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'key-1' }).sign(secret)
}

async function withPublicKeyAsSecret(): Promise<string> {
  return withSecret(new TextEncoder().encode(JSON.stringify(await issuer.publicKey())))
}

const swapPayload = (token: string) => {
  const [head, body = '', signature] = token.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  const other = Buffer.from(JSON.stringify({ ...claims, scope })).toString('base64url')
  return [head, other, signature].join('.')
}

test.for(refused)('a token that %s is refused with 401', async ([, make]) => {
  const got = await answer(await make())
  expect(got.status).toBe(401)
  expect(got.headers.get('www-authenticate')).toContain('Bearer')
  expect(await got.json()).toMatchObject({ code: 'unauthorized' })
})

test('a clock that is off by less than half a minute refuses nobody', async () => {
  expect(await status(await issuer.token({ scope, exp: seconds() - 5 }))).toBe(200)
  expect(await status(await issuer.token({ scope, nbf: seconds() + 20 }))).toBe(200)
})

test('a token in use is refused once it has expired', async () => {
  const token = await issuer.token({ scope, exp: seconds() - 28 })
  expect(await status(token)).toBe(200)
  await until(async () => (await status(token)) === 401, {
    timeoutMs: 6_000,
    describe: 'the token refused',
  })
})

test('unknown keys have the issuer asked again once in 5 s at most', async () => {
  const before = issuer.reads()
  for (let round = 0; round < 50; round++) {
    expect(await status(await issuer.token({ scope, round }, { kid: `unknown-${round}` }))).toBe(
      401,
    )
  }
  expect(issuer.reads() - before).toBeLessThanOrEqual(2)
})

test.for(['RS256', 'EdDSA', 'PS512'])('a key that the issuer adds is taken, %s', async (alg) => {
  await issuer.addKey(alg)
  await until(async () => (await status(await issuer.token({ scope }))) === 200, {
    timeoutMs: 10_000,
    describe: 'the new key taken',
  })
})

test('while the issuer is away known keys go on, and for others it is 503 with Retry-After', async () => {
  expect(await status(await issuer.token({ scope }))).toBe(200)
  issuer.setAway(true)
  await issuer.addKey()
  let got = await answer(await issuer.token({ scope }))
  await until(
    async () => {
      got = await answer(await issuer.token({ scope, jti: crypto.randomUUID() }))
      return got.status === 503
    },
    { timeoutMs: 10_000, describe: 'the outage' },
  )
  expect(Number(got.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect(await got.json()).toMatchObject({ code: 'unavailable' })
  expect(await status(await issuer.token({ scope }, { kid: 'key-1' }))).toBe(200)
  expect((await system.call('/v1/stock')).status).toBe(200)
  issuer.setAway(false)
  await until(async () => (await status(await issuer.token({ scope }))) === 200, {
    timeoutMs: 10_000,
    describe: 'the issuer back',
  })
})

test('with an issuer that was never there, API keys work and tokens get 503', async () => {
  const api = spawnTestApp('api', {
    DATABASE_URL: system.databaseUrl,
    OIDC_ISSUER: 'http://127.0.0.1:1',
    OIDC_AUDIENCE: issuer.audience,
  })
  const { publicUrl } = await api.ready
  const ask = async (token: string) =>
    fetch(`${publicUrl}/v1/stock`, { headers: { authorization: `Bearer ${token}` } })
  expect((await ask(system.apiKey)).status).toBe(200)
  const got = await ask(await issuer.token({ scope, iss: 'http://127.0.0.1:1' }))
  expect(got.status).toBe(503)
  expect(Number(got.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
})

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'
import { spawnTestApp } from './spawn-test-app.ts'

const system = useSystem({ workers: 0 })

type Key = {
  id: string
  name: string
  scopes: string[]
  lastUsedAt: string | null
  formerSecretUntil: string | null
  revokedAt: string | null
}
type Issued = Key & { key: string }

const send = (method: string, path: string, body?: object) =>
  system.call(path, {
    method,
    ...(body && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  })
const make = async (scopes = ['stock:read']) => {
  const answer = await send('POST', '/v1/keys', { name: 'scanner', scopes })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  return readJson<Issued>(answer)
}
const listed = async (id: string) => {
  const { items } = await readJson<{ items: Key[] }>(await system.call('/v1/keys?limit=1000'))
  return items.find((item) => item.id === id)
}
const status = async (key: string, path = '/v1/stock') => (await system.callAs(key, path)).status
const untilRefused = (key: string) =>
  until(async () => (await status(key)) === 401, { timeoutMs: 6_000, describe: 'the key refused' })

test('a key that is made opens what its scopes say, and its secret is shown once', async () => {
  const { id, key, ...made } = await make()
  expect(made).toMatchObject({ name: 'scanner', scopes: ['stock:read'], revokedAt: null })
  expect(key).toMatch(new RegExp(`^irpa_${id}_`))
  expect(await status(key)).toBe(200)
  expect(await status(key, '/v1/batches')).toBe(403)
  const secret = key.slice(-43)
  expect(await (await system.call('/v1/keys?limit=1000')).text()).not.toContain(secret)
  expect(await listed(id)).toMatchObject({ name: 'scanner', scopes: ['stock:read'] })
})

test('keys are listed page by page, newest first', async () => {
  const made = [await make(), await make(), await make()].map(({ id }) => id)
  const seen: string[] = []
  let cursor = ''
  do {
    const page = await readJson<{ items: Key[]; nextCursor: string | null }>(
      await system.call(`/v1/keys?limit=2${cursor && `&cursor=${cursor}`}`),
    )
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? ''
  } while (cursor)
  expect(seen.filter((id) => made.includes(id))).toEqual(made.reverse())
  expect(new Set(seen).size).toBe(seen.length)
})

test('a rotated key has a new secret, and its former one works until the grace period is over', async () => {
  const { id, key } = await make()
  expect(await status(key)).toBe(200)
  const rotated = await readJson<Issued>(
    await send('POST', `/v1/keys/${id}/rotate`, { graceSeconds: 2 }),
  )
  expect(rotated.id).toBe(id)
  expect(rotated.key).not.toBe(key)
  expect(rotated.formerSecretUntil).not.toBeNull()
  expect(await status(key)).toBe(200)
  expect(await status(rotated.key)).toBe(200)
  await untilRefused(key)
  expect(await status(rotated.key)).toBe(200)
})

test('a key rotated without grace, or twice, leaves only its newest secret, at once', async () => {
  const first = await make()
  const rotate = async (body: object) =>
    readJson<Issued>(await send('POST', `/v1/keys/${first.id}/rotate`, body))
  const second = await rotate({})
  const third = await rotate({})
  expect([await status(first.key), await status(second.key), await status(third.key)]).toEqual([
    401, 200, 200,
  ])
  const fourth = await rotate({ graceSeconds: 0 })
  expect([await status(second.key), await status(third.key), await status(fourth.key)]).toEqual([
    401, 401, 200,
  ])
})

test('a revoked key is refused at once where it was revoked, and stays in the list', async () => {
  const { id, key } = await make()
  expect(await status(key)).toBe(200)
  expect((await send('DELETE', `/v1/keys/${id}`)).status).toBe(204)
  expect(await status(key)).toBe(401)
  expect((await listed(id))?.revokedAt).not.toBeNull()
  expect((await send('DELETE', `/v1/keys/${id}`)).status).toBe(404)
  expect((await send('POST', `/v1/keys/${id}/rotate`, {})).status).toBe(404)
})

test("another tenant's keys do not exist", async () => {
  const { id, key } = await system.createKey({ tenant: 'another' })
  expect(await listed(id)).toBeUndefined()
  expect((await send('POST', `/v1/keys/${id}/rotate`, {})).status).toBe(404)
  expect((await send('DELETE', `/v1/keys/${id}`)).status).toBe(404)
  expect(await status(key)).toBe(200)
})

test('only an admin sees or makes keys', async () => {
  const { key } = await make(['batches:write', 'batches:read', 'stock:read', 'batches:approve'])
  expect(await status(key, '/v1/keys')).toBe(403)
  const post = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
  expect((await system.callAs(key, '/v1/keys', post)).status).toBe(403)
})

test.for([
  {},
  { name: '', scopes: ['admin'] },
  { name: 'x', scopes: [] },
  { name: 'x', scopes: ['everything'] },
  { name: 'x', scopes: ['admin'], tenant: 'another' },
])('a key is not made of %j', async (body) => {
  expect((await send('POST', '/v1/keys', body)).status).toBe(400)
})

test('when a key was last used is known a moment later', async () => {
  const { id, key } = await make()
  expect((await listed(id))?.lastUsedAt).toBeNull()
  const before = Date.now()
  expect(await status(key)).toBe(200)
  await until(async () => (await listed(id))?.lastUsedAt !== null, {
    timeoutMs: 10_000,
    describe: 'the use written',
  })
  const at = Date.parse((await listed(id))?.lastUsedAt ?? '')
  expect(at).toBeGreaterThanOrEqual(before - 1_000)
  expect(at).toBeLessThanOrEqual(Date.now() + 1_000)
})

test('when a key was last used is not lost when the process stops', async () => {
  const { id, key } = await make()
  const api = spawnTestApp('api', { DATABASE_URL: system.databaseUrl })
  const { publicUrl } = await api.ready
  const headers = { authorization: `Bearer ${key}` }
  expect((await fetch(`${publicUrl}/v1/stock`, { headers })).status).toBe(200)
  await api.stop({ graceMs: 10_000 })
  expect((await listed(id))?.lastUsedAt).not.toBeNull()
})

const command = async (...args: string[]) => {
  const entry = join(import.meta.dirname, '../../../../apps/api/api-key-main.ts')
  const env = { DATABASE_URL: system.databaseUrl }
  return (await promisify(execFile)(process.execPath, [entry, ...args], { env })).stdout.trim()
}

test('an operator makes, lists, rotates and revokes keys, and weighs a tenant', async () => {
  const key = await command('create', '--tenant', 'acme', '--name', 'bot', '--scope', 'stock:read')
  const [, id = ''] = key.split('_')
  expect(await status(key)).toBe(200)
  expect(JSON.parse(await command('list', '--tenant', 'acme'))).toMatchObject({ id, name: 'bot' })
  const rotated = await command('rotate', '--id', id, '--grace-seconds', '0')
  expect(await status(rotated)).toBe(200)
  await untilRefused(key)
  await command('revoke', '--id', id)
  await untilRefused(rotated)
  const weighed = await command('tenants', '--tenant', 'acme', '--weight', '5')
  expect(weighed.split('\n').map((line) => JSON.parse(line))).toContainEqual({
    name: 'acme',
    weight: 5,
    keys: 0,
  })
})

test.for([
  'rotate --id 000000000000',
  'revoke --id 000000000000',
  'list --tenant nobody',
  'tenants --tenant nobody --weight 1',
  'tenants --tenant test --weight 0',
  'rotate --id 000000000000 --grace-seconds 9999999',
  'destroy',
])('the command refuses: %s', async (line) => {
  await expect(command(...line.split(' '))).rejects.toThrow(/no key|no tenant|usage/)
})

import {
  createApiKey,
  ensureTenant,
  findApiKey,
  listApiKeys,
  noteKeysUsed,
  revokeApiKey,
  rotateApiKey,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { useLedger } from './test-ledger.ts'

const ledger = useLedger()
const newKey = async () => {
  const tenantId = await ledger.newTenant()
  const made = await createApiKey(ledger.db, { tenantId, name: 'bot', scopes: ['stock:read'] })
  return { tenantId, ...made }
}

test('a key finds its tenant and its scopes', async () => {
  const { tenantId, id, key } = await newKey()
  const found = await findApiKey(ledger.db, key)
  expect(found).toEqual({ id, tenantId, scopes: new Set(['stock:read']) })
})

test('a tenant may have several keys at a time, and revoking one leaves the other', async () => {
  const { tenantId, id, key } = await newKey()
  const other = await createApiKey(ledger.db, { tenantId, name: 'bot', scopes: ['admin'] })
  expect(await revokeApiKey(ledger.db, id)).toBe(true)
  expect(await findApiKey(ledger.db, key)).toBeUndefined()
  expect(await findApiKey(ledger.db, other.key)).toMatchObject({ id: other.id, tenantId })
})

test('a key is revoked once; an unknown one never', async () => {
  const { id } = await newKey()
  expect(await revokeApiKey(ledger.db, id)).toBe(true)
  expect(await revokeApiKey(ledger.db, id)).toBe(false)
  expect(await revokeApiKey(ledger.db, '000000000000')).toBe(false)
})

test('the former secret of a rotated key says how long it works on, the new one does not end', async () => {
  const { id, key } = await newKey()
  const rotated = await rotateApiKey(ledger.db, id, { graceSeconds: 60 })
  expect((await findApiKey(ledger.db, rotated?.key ?? ''))?.endsInMs).toBeUndefined()
  const { endsInMs = 0 } = (await findApiKey(ledger.db, key)) ?? {}
  expect(endsInMs).toBeGreaterThan(50_000)
  expect(endsInMs).toBeLessThanOrEqual(60_000)
  await ledger.admin.query('update api_keys set secret_before_until = now() where id = $1', [id])
  expect(await findApiKey(ledger.db, key)).toBeUndefined()
})

test('a key is not rotated for another tenant, nor when it is revoked', async () => {
  const { id, key } = await newKey()
  const other = await ledger.newTenant()
  const graceSeconds = 0
  expect(await rotateApiKey(ledger.db, id, { tenantId: other, graceSeconds })).toBeUndefined()
  expect(await revokeApiKey(ledger.db, id, other)).toBe(false)
  expect(await findApiKey(ledger.db, key)).toBeDefined()
  expect(await revokeApiKey(ledger.db, id)).toBe(true)
  expect(await rotateApiKey(ledger.db, id, { graceSeconds })).toBeUndefined()
})

test('when a key was last used never goes back', async () => {
  const { id, tenantId } = await newKey()
  const lastUsed = async () =>
    (await listApiKeys(ledger.db, tenantId, { limit: 10 })).items[0]?.lastUsedAt
  const at = new Date('2026-01-02T03:04:05.678Z')
  await noteKeysUsed(ledger.db, [{ id, at }])
  expect(await lastUsed()).toBe(at.toISOString())
  await noteKeysUsed(ledger.db, [{ id, at: new Date('2025-01-01T00:00:00Z') }])
  expect(await lastUsed()).toBe(at.toISOString())
})

test("another key's secret opens nothing", async () => {
  const [one, other] = [await newKey(), await newKey()]
  const secret = other.key.slice(-43)
  expect(await findApiKey(ledger.db, `irpa_${one.id}_${secret}`)).toBeUndefined()
})

test('a malformed key is as unknown as one that never was', async () => {
  const { id, key } = await newKey()
  const flipped = key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A')
  const wrong = [flipped, key.slice(0, -1), `${key}A`, ` ${key}`, `${key}\n`, key.toUpperCase()]
  const malformed = ['', 'irpa_', `irpa_${id}_`, id, `irpa_${id}_${'\u0000'.repeat(43)}`]
  for (const text of [...wrong, ...malformed, key.replace(id, 'ffffffffffff')]) {
    expect(await findApiKey(ledger.db, text), text).toBeUndefined()
  }
})

test('of the secret only a hash is stored', async () => {
  const { id, key } = await newKey()
  const { rows } = await ledger.admin.query('select k::text as row from api_keys k where id = $1', [
    id,
  ])
  const secret = key.slice(-43)
  expect(rows[0].row).toContain(id)
  for (const form of [secret, Buffer.from(secret).toString('hex')]) {
    expect(rows[0].row).not.toContain(form)
  }
  const bytes = Buffer.from(secret, 'base64url').toString('hex')
  expect(rows[0].row).not.toContain(bytes)
})

test('a tenant made by several at once is one', async () => {
  const ids = await Promise.all(Array.from({ length: 10 }, () => ensureTenant(ledger.db, 'acme')))
  expect(new Set(ids).size).toBe(1)
})

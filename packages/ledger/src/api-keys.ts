import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Scope } from '@inventoryrpa/contracts'
import type { LedgerDatabase } from './database.ts'

export type ApiKey = { id: string; tenantId: number; scopes: ReadonlySet<string> }

/** irpa_<id>_<secret>. The id finds the row, so that only one hash is compared, in constant time. */
const keyPattern = /^irpa_([0-9a-f]{12})_([\w-]{43})$/

const sha256 = (text: string) => createHash('sha256').update(text).digest()

/** Finds the tenant by name, or makes it. @returns its id */
export const ensureTenant = async (db: LedgerDatabase, name: string): Promise<number> => {
  await db
    .insertInto('tenants')
    .values({ name })
    .onConflict((c) => c.doNothing())
    .execute()
  const tenant = await db
    .selectFrom('tenants')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  return tenant.id
}

/** Makes a key. Its text is in this answer only: what is stored is a hash of its secret. */
export const createApiKey = async (
  db: LedgerDatabase,
  { tenantId, name, scopes }: { tenantId: number; name: string; scopes: readonly Scope[] },
): Promise<{ id: string; key: string }> => {
  const id = randomBytes(6).toString('hex')
  const secret = randomBytes(32).toString('base64url')
  await db
    .insertInto('api_keys')
    .values({ id, tenant_id: tenantId, name, secret_sha256: sha256(secret), scopes: [...scopes] })
    .execute()
  return { id, key: `irpa_${id}_${secret}` }
}

/** The key's tenant and scopes, or undefined when it is malformed, unknown, wrong or revoked. */
export const findApiKey = async (db: LedgerDatabase, key: string): Promise<ApiKey | undefined> => {
  const [, id, secret] = keyPattern.exec(key) ?? []
  if (id === undefined || secret === undefined) return undefined
  const row = await db
    .selectFrom('api_keys')
    .select(['id', 'tenant_id', 'secret_sha256', 'scopes'])
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (!row || !timingSafeEqual(row.secret_sha256, sha256(secret))) return undefined
  return { id: row.id, tenantId: row.tenant_id, scopes: new Set(row.scopes) }
}

/** Those of these keys that are revoked. */
export const listRevokedKeys = async (
  db: LedgerDatabase,
  ids: readonly string[],
): Promise<string[]> => {
  const rows = await db
    .selectFrom('api_keys')
    .select('id')
    .where('id', 'in', ids)
    .where('revoked_at', 'is not', null)
    .execute()
  return rows.map(({ id }) => id)
}

/** From the next look-up on the key is unknown. @returns whether there was such a key */
export const revokeApiKey = async (db: LedgerDatabase, id: string): Promise<boolean> => {
  const result = await db
    .updateTable('api_keys')
    .set({ revoked_at: new Date() })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

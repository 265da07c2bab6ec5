import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { ApiKeyAnswer, Scope } from '@inventoryrpa/contracts'
import { type Selectable, sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'

export type ApiKey = {
  id: string
  tenantId: number
  scopes: ReadonlySet<string>
  /** Milliseconds until what was presented stops working; absent when nothing is known to end it. */
  endsInMs?: number | undefined
}

/** Its text is in this answer only: what is stored is a hash of its secret. */
export type IssuedKey = ApiKeyAnswer & { key: string }

/** irpa_<id>_<secret>. The id finds the row, so that only its own hashes are compared, in constant time. */
const keyPattern = /^irpa_([0-9a-f]{12})_([\w-]{43})$/

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const newSecret = () => randomBytes(32).toString('base64url')
const keyOf = (id: string, secret: string) => `irpa_${id}_${secret}`

export const createApiKey = async (
  db: LedgerDatabase,
  { tenantId, name, scopes }: { tenantId: number; name: string; scopes: readonly Scope[] },
): Promise<IssuedKey> => {
  const id = randomBytes(6).toString('hex')
  const secret = newSecret()
  const row = await db
    .insertInto('api_keys')
    .values({
      id,
      tenant_id: tenantId,
      name,
      secret_sha256: sha256(secret),
      scopes: [...new Set(scopes)],
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { ...toAnswer(row), key: keyOf(id, secret) }
}

type Found = {
  tenant_id: number
  scopes: string[]
  secret_sha256: Buffer
  before: Buffer | null
  before_ms: number | null
}

/** The key's tenant and scopes, or undefined when it is malformed, unknown, wrong, former or revoked. */
export const findApiKey = async (db: LedgerDatabase, key: string): Promise<ApiKey | undefined> => {
  const [, id, secret] = keyPattern.exec(key) ?? []
  if (id === undefined || secret === undefined) return undefined
  const { rows } = await sql<Found>`
    select tenant_id, scopes, secret_sha256,
      case when secret_before_until > now() then secret_before_sha256 end as before,
      extract(epoch from secret_before_until - now())::float8 * 1000 as before_ms
    from api_keys where id = ${id} and revoked_at is null
  `.execute(db)
  const [row] = rows
  if (!row) return undefined
  const given = sha256(secret)
  const isCurrent = timingSafeEqual(row.secret_sha256, given)
  const isFormer = timingSafeEqual(row.before ?? row.secret_sha256, given)
  if (!isCurrent && !isFormer) return undefined
  return {
    id,
    tenantId: row.tenant_id,
    scopes: new Set(row.scopes),
    endsInMs: isCurrent ? undefined : (row.before_ms ?? 0),
  }
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

/**
 * Gives a key a new secret; the one until now works for `graceSeconds` more, one from before that no
 * longer. @returns undefined when the tenant has no such key that is not revoked
 */
export const rotateApiKey = async (
  db: LedgerDatabase,
  id: string,
  { tenantId, graceSeconds }: { tenantId?: number | undefined; graceSeconds: number },
): Promise<IssuedKey | undefined> => {
  const secret = newSecret()
  const row = await db
    .updateTable('api_keys')
    .set({
      secret_sha256: sha256(secret),
      secret_before_sha256: sql`secret_sha256`,
      secret_before_until: sql`now() + make_interval(secs => ${graceSeconds})`,
    })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .$if(tenantId !== undefined, (query) => query.where('tenant_id', '=', Number(tenantId)))
    .returningAll()
    .executeTakeFirst()
  return row && { ...toAnswer(row), key: keyOf(id, secret) }
}

/**
 * From the next look-up on the key is unknown.
 * @param tenantId another tenant's key is left alone; default: anyone's
 * @returns whether there was such a key
 */
export const revokeApiKey = async (
  db: LedgerDatabase,
  id: string,
  tenantId?: number,
): Promise<boolean> => {
  const result = await db
    .updateTable('api_keys')
    .set({ revoked_at: sql`now()` })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .$if(tenantId !== undefined, (query) => query.where('tenant_id', '=', Number(tenantId)))
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Newest first, with those that are revoked. */
export const listApiKeys = async (
  db: LedgerDatabase,
  tenantId: number,
  { limit, cursor }: PageRequest,
): Promise<Page<ApiKeyAnswer>> => {
  const after = readCursor(cursor, ['instant', 'text'])
  let query = db
    .selectFrom('api_keys')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (after) {
    query = query.where(sql<boolean>`(created_at, id) < (${after[0]}::timestamptz, ${after[1]})`)
  }
  const keys = (await query.execute()).map(toAnswer)
  return pageFrom(keys, limit, (last) => cursorOf([last.createdAt, last.id]))
}

/** Notes when keys were last used; nothing is ever put back. */
export const noteKeysUsed = async (
  db: LedgerDatabase,
  uses: readonly { id: string; at: Date }[],
): Promise<void> => {
  await sql`
    update api_keys k set last_used_at = greatest(k.last_used_at, v.at)
    from unnest(${uses.map((it) => it.id)}::text[], ${uses.map((it) => it.at)}::timestamptz[]) v(id, at)
    where k.id = v.id
  `.execute(db)
}

const toAnswer = (row: Selectable<Schema['api_keys']>): ApiKeyAnswer => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes as Scope[],
  createdAt: row.created_at.toISOString(),
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
  formerSecretUntil: row.secret_before_until?.toISOString() ?? null,
  revokedAt: row.revoked_at?.toISOString() ?? null,
})

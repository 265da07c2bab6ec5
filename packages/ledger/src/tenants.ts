import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'

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

/** @returns its id, or undefined when there is none of this name */
export const findTenant = async (db: LedgerDatabase, name: string): Promise<number | undefined> => {
  const row = await db
    .selectFrom('tenants')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.id
}

export type TenantSummary = { name: string; weight: number; keys: number }

/** By name, with their keys that are not revoked. */
export const listTenants = async (db: LedgerDatabase): Promise<TenantSummary[]> => {
  const { rows } = await sql<TenantSummary>`
    select name, weight, (
      select count(*) from api_keys where tenant_id = t.id and revoked_at is null
    ) as keys
    from tenants t order by name
  `.execute(db)
  return rows
}

/** @param weight its share beside others with a backlog, 1 to 1,000 */
export const setTenantWeight = async (
  db: LedgerDatabase,
  tenantId: number,
  weight: number,
): Promise<void> => {
  await db.updateTable('tenants').set({ weight }).where('id', '=', tenantId).execute()
}

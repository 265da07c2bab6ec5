import type { Guard } from '@inventoryrpa/contracts'
import type { LedgerDatabase } from './database.ts'

/** The limits of a tenant; none of them means that nothing of it needs approval. */
export const findGuard = async (db: LedgerDatabase, tenantId: number): Promise<Guard> => {
  const tenant = await db
    .selectFrom('tenants')
    .select('guard')
    .where('id', '=', tenantId)
    .executeTakeFirstOrThrow()
  return tenant.guard ?? {}
}

/** For batches that are accepted or applied from now on. */
export const putGuard = async (
  db: LedgerDatabase,
  tenantId: number,
  guard: Guard,
): Promise<void> => {
  const isEmpty = Object.values(guard).every((limit) => limit === undefined)
  await db
    .updateTable('tenants')
    .set({ guard: isEmpty ? null : JSON.stringify(guard) })
    .where('id', '=', tenantId)
    .execute()
}

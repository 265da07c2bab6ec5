import { sql } from 'kysely'
import type { Accepted } from './accept-batch.ts'
import { type BatchRow, toAcceptedBatch } from './batches.ts'
import type { LedgerDatabase } from './database.ts'
import { dropOld } from './drop-old.ts'

/** Whoever has it is the first with this key, until its transaction ends. */
export const tryKeyLock = (tenantId: number, key: string) =>
  sql<boolean>`pg_try_advisory_xact_lock(hashtextextended(${key}, ${tenantId}))`

/** The batch that a key stands for, with the hash that it came with. */
export const findKey = async (
  db: LedgerDatabase,
  tenantId: number,
  key: string,
): Promise<(BatchRow & { body_sha256: Buffer }) | undefined> =>
  db
    .selectFrom('idempotency_keys as k')
    .innerJoin('batches as b', 'b.id', 'k.batch_id')
    .selectAll('b')
    .select('k.body_sha256')
    .where('k.tenant_id', '=', tenantId)
    .where('k.key', '=', key)
    .executeTakeFirst()

export const replay = async (
  db: LedgerDatabase,
  tenantId: number,
  { key, bodySha256 }: { key: string; bodySha256: Buffer },
): Promise<Accepted> => {
  const first = await findKey(db, tenantId, key)
  if (!first) return { outcome: 'running' }
  if (!first.body_sha256.equals(bodySha256)) return { outcome: 'mismatch' }
  return { outcome: 'replayed', batch: toAcceptedBatch(first) }
}

/** Keys are kept for at least a day (Stripe's rule). */
export const dropOldIdempotencyKeys = (db: LedgerDatabase): Promise<number> =>
  dropOld(db, {
    table: 'idempotency_keys',
    key: ['tenant_id', 'key'],
    age: 'created_at',
    days: 2,
  })

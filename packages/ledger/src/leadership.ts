import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'

/** Any number will do, as long as no one else in this database uses it: "RELY" in ASCII. */
const relayLock = 0x52454c59

/**
 * Runs `task` if no other process in this database is running it now. The lock lives in a transaction,
 * so that it ends with its connection, behind a connection pooler too.
 * @returns whether this process was the leader
 */
export const withLeadership = async (
  db: LedgerDatabase,
  task: () => Promise<void>,
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ leader: boolean }>`
      select pg_try_advisory_xact_lock(${relayLock}) as leader
    `.execute(trx)
    if (!rows[0]?.leader) return false
    await task()
    return true
  })

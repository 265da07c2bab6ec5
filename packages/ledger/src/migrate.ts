import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { type LedgerDatabase, openLedger } from './database.ts'
import { migrations, newestMigration } from './migrations/index.ts'

/** Brings the schema up to date. Safe to run at once from several processes: Kysely locks it. */
export const migrateLedger = async (databaseUrl: string): Promise<void> => {
  const ledger = openLedger({
    databaseUrl,
    applicationName: 'inventoryrpa-migrate',
    maxConnections: 2,
    // An index on a large table takes its time; a lock that everyone else then waits behind does not.
    statementTimeoutMs: 3_600_000,
    lockTimeoutMs: 10_000,
  })
  try {
    const migrator = new Migrator({
      db: ledger.db,
      provider: { getMigrations: async () => migrations },
    })
    const { error } = await migrator.migrateToLatest()
    if (error) throw error
  } finally {
    await ledger.close()
  }
}

/** Whether every migration this build knows has run here. A newer schema is fine: changes only expand it. */
export const isMigrated = async (db: LedgerDatabase): Promise<boolean> => {
  const { rows: tables } = await sql`
    select where to_regclass('kysely_migration') is not null
  `.execute(db)
  if (tables.length === 0) return false
  const { rows } = await sql<{ done: boolean }>`
    select exists (select from kysely_migration where name = ${newestMigration}) as done
  `.execute(db)
  return rows[0]?.done ?? false
}

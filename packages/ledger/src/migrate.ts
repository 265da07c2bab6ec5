import { setTimeout as delay } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import pg from 'pg'
import type { LedgerDatabase } from './database.ts'
import { migrations, newestMigration } from './migrations/index.ts'

/** Whoever comes after a lock that a migration waits for waits as well: less than the API's clients do. */
const lockTimeoutMs = 1_000
/** An index over a large table takes its time. */
const statementTimeoutMs = 3_600_000
/** Under load it may take many tries to get all locks. */
const patienceMs = 300_000
const pauseMs = 500
const connectTimeoutMs = 10_000

/**
 * Brings the schema up to date, one migration a transaction, while the release before works on it. Safe
 * to run at once from several processes: Kysely locks it.
 */
export const migrateLedger = async (databaseUrl: string): Promise<void> => {
  // Not openLedger: it gives up a connection whose lock was not to be had, and hides which error that was.
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'inventoryrpa-migrate',
    max: 2,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    keepAlive: true,
  })
  pool.on('error', () => {})
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const deadline = performance.now() + patienceMs
  try {
    for (;;) {
      const { error, results } = await migrator.migrateUp()
      if (!error && results?.length === 0) return
      if (!error) continue
      if (!isLockedOut(error) || performance.now() > deadline) throw error
      await delay(pauseMs * (0.5 + Math.random()))
    }
  } finally {
    await db.destroy()
  }
}

/** SQLSTATEs: a lock that was not to be had in time, and a deadlock. */
const lockedOut = new Set(['55P03', '40P01'])
const isLockedOut = (error: unknown) =>
  error instanceof pg.DatabaseError && lockedOut.has(error.code ?? '')

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

import { join } from 'node:path'
import { migrateLedger } from '@inventoryrpa/ledger'
import { migrateQueueBackend } from '@inventoryrpa/queue'
import pg from 'pg'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { type Kept, keepRunning, type Running } from './keep-running.ts'

const databaseName = 'inventoryrpa'

export interface LocalDatabase {
  url: string
  postgres: Kept<Running>
}

/** Starts the embedded PostgreSQL, with a database for us, and keeps it running on one port. */
export async function startLocalDatabase(options: {
  dataDir: string
  onLog: (line: string) => void
  onReport: (sentence: string) => void
}): Promise<LocalDatabase> {
  let port: number | undefined
  const postgres = await keepRunning({
    name: 'PostgreSQL',
    onReport: options.onReport,
    start: async () => {
      const dataDir = join(options.dataDir, 'postgres')
      // The same port after a crash: the API and the workers know no other.
      const started = await startEmbeddedPostgres({
        dataDir,
        onLog: options.onLog,
        ...(port !== undefined && { port }),
      })
      port = started.port
      return started
    },
  })
  try {
    await ensureDatabase(postgres.current().url())
    return { url: postgres.current().url(databaseName), postgres }
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

async function ensureDatabase(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const found = await client.query('select from pg_database where datname = $1', [databaseName])
    if (found.rowCount === 0) await client.query(`create database ${databaseName}`)
  } finally {
    await client.end()
  }
}

/**
 * Brings the database up to date; without Redis also BullMQ's tables in it.
 * @throws Error naming the server, never the password
 */
export async function migrateDatabase(
  databaseUrl: string,
  redisUrl: string | undefined,
): Promise<void> {
  try {
    await migrateLedger(databaseUrl)
    if (redisUrl === undefined) await migrateQueueBackend({ databaseUrl })
  } catch (cause) {
    const { host, pathname } = new URL(databaseUrl)
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
    throw new Error(`The database ${host}${pathname} cannot be used: ${reason}`, { cause })
  }
}

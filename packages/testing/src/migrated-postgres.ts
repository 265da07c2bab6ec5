import { migrateLedger } from '@inventoryrpa/ledger'
import { migrateQueueBackend } from '@inventoryrpa/queue'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

/** A PostgreSQL of its own with the ledger's and the queue's tables. */
export async function startMigratedPostgres(): Promise<PostgresServer> {
  const postgres = await startPostgres()
  try {
    await migrateLedger(postgres.url())
    await migrateQueueBackend({ databaseUrl: postgres.url() })
    return postgres
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

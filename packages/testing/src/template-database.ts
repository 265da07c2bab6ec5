import { migrateLedger } from '@inventoryrpa/ledger'
import { migrateQueueBackend } from '@inventoryrpa/queue'
import pg from 'pg'

export const templateDatabase = 'inventoryrpa_template'

/** Creates the migrated database that every test's own one is a clone of. */
export async function createTemplateDatabase(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  await client.query(`create database ${templateDatabase}`)
  await client.end()
  const url = new URL(serverUrl)
  url.pathname = `/${templateDatabase}`
  await migrateLedger(url.href)
  await migrateQueueBackend({ databaseUrl: url.href })
}

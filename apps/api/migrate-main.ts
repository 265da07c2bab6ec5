import { ConfigError, commonConfig, parseConfig } from '@inventoryrpa/contracts'
import { migrateLedger } from '@inventoryrpa/ledger'
import { migrateQueueBackend } from '@inventoryrpa/queue'
import { z } from 'zod'

const { DATABASE_URL, REDIS_URL } = commonConfig

/** Brings the database up to date and ends: one run before each deployment. */
try {
  const config = parseConfig(z.object({ DATABASE_URL, REDIS_URL }), process.env)
  await migrateLedger(config.DATABASE_URL)
  if (config.REDIS_URL === undefined) {
    await migrateQueueBackend({ databaseUrl: config.DATABASE_URL })
  }
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exit(1)
}

import { Redis } from 'ioredis'
import pg from 'pg'
import { startWorker } from './worker.ts'

const concurrency = Number(process.env.CONCURRENCY)
const redis = new Redis(String(process.env.REDIS_URL), { maxRetriesPerRequest: null })
const pool = new pg.Pool({ connectionString: String(process.env.DATABASE_URL), max: concurrency })
const worker = startWorker(pool, redis, { concurrency })

const stop = async () => {
  await worker.close()
  await pool.end()
  redis.disconnect()
}
// The channel to whoever started us keeps us alive: it goes first, whoever wants the end.
process.once('SIGTERM', () => process.disconnect?.())
process.once('disconnect', stop)
process.send?.({ type: 'ready', opsUrl: '' })

import { Redis } from 'ioredis'
import { openQueue } from './queue.ts'
import { buildServer } from './server.ts'

const redis = new Redis(String(process.env.REDIS_URL), { maxRetriesPerRequest: null })
const queue = openQueue(redis)
const app = buildServer(queue)
const publicUrl = await app.listen({ host: '127.0.0.1', port: 0 })

const stop = async () => {
  await app.close()
  await queue.close()
  redis.disconnect()
}
// The channel to whoever started us keeps us alive: it goes first, whoever wants the end.
process.once('SIGTERM', () => process.disconnect?.())
process.once('disconnect', stop)
process.send?.({ type: 'ready', publicUrl, opsUrl: publicUrl })

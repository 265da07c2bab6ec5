import type { OnlineRetailLine } from '@inventoryrpa/local'
import { createTestDatabase, testRedis } from '@inventoryrpa/testing'
import type { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import type { Running } from '../contestant.ts'
import { type Database, openDatabase } from '../database.ts'
import { type LineJob, openQueue } from '../naive/queue.ts'
import { buildServer } from '../naive/server.ts'
import { createTables } from '../naive/tables.ts'
import { startWorker } from '../naive/worker.ts'

export type NaiveHere = AsyncDisposable & {
  running: Running
  redisUrl: string
  database: Database
  pool: pg.Pool
  queue: Queue<LineJob>
  startWorkers(count: number): void
}

/** The naive service within the test, on a database and a prefix of its own. */
export const startNaiveHere = async (): Promise<NaiveHere> => {
  await using stack = new AsyncDisposableStack()
  const { url } = stack.adopt(await createTestDatabase(), (it) => it.drop())
  const { url: redisUrl, prefix } = stack.adopt(testRedis(), (it) => it.cleanup())
  const database = stack.use(await openDatabase(url))
  // The template holds our own tables, of which two have the same names.
  await database.client.query('drop schema public cascade; create schema public')
  await createTables(database.client)
  const redis = stack.adopt(new Redis(redisUrl, { maxRetriesPerRequest: null }), async (it) =>
    it.disconnect(),
  )
  const queue = stack.adopt(openQueue(redis, prefix), (it) => it.close())
  const pool = stack.adopt(new pg.Pool({ connectionString: url, max: 8 }), (it) => it.end())
  const app = stack.adopt(buildServer(queue), (it) => it.close())
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const workers: Worker[] = []
  stack.defer(async () => {
    await Promise.all(workers.map((worker) => worker.close()))
  })
  const countApplied = () => database.number('select count(*) as number from movements')
  const held = stack.move()
  return {
    running: {
      target: { origin, path: '/lines', headers: {} },
      pids: { api: 0, workers: [] },
      countAccepted: async () => (await queue.count()) + (await countApplied()),
      countQueued: () => queue.count(),
      countApplied,
      [Symbol.asyncDispose]: async () => undefined,
    },
    redisUrl,
    database,
    pool,
    queue,
    startWorkers: (count) => {
      for (let worker = 0; worker < count; worker += 1) {
        workers.push(startWorker(pool, redis, { concurrency: 4, prefix }))
      }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Three levels, seven lines: returns, a level that ends at zero, and decimals. */
export const day: readonly OnlineRetailLine[] = [-6, 2, -1.5, 4, -2, -4, 0.125].map(
  (quantity, index) => ({
    type: 'adjustment',
    sku: ['85123A', '85123a', 'POST'][index % 3] as string,
    location: 'United Kingdom',
    quantity,
    reason: quantity < 0 ? 'sale' : 'return',
    reference: `C53636${index}`,
    observedAt: '2010-12-01T08:26:00.000Z',
  }),
)

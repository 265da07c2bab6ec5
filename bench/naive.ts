import { Redis } from 'ioredis'
import type { Contestant } from './contestant.ts'
import { openDatabase } from './database.ts'
import { openQueue } from './naive/queue.ts'
import { createTables } from './naive/tables.ts'
import { startPrograms } from './processes.ts'

/** Jobs a worker process has in hand, and connections it has for them: the fastest of 4 to 32. */
const concurrency = '12'

/** Node and malloc as they come, but for the compile cache: the launcher's other settings suit our apps. */
const untuned = { execArgv: [], env: { MALLOC_ARENA_MAX: undefined } }

/** The service that everyone writes: a job and a transaction a line. */
export const naive: Contestant = {
  name: 'naive',
  start: async (stand, workers) => {
    await using stack = new AsyncDisposableStack()
    const database = stack.use(await openDatabase(stand.databaseUrl))
    await createTables(database.client)
    const redis = stack.adopt(
      new Redis(stand.redisUrl, { maxRetriesPerRequest: null }),
      async (it) => it.disconnect(),
    )
    const queue = stack.adopt(openQueue(redis), (it) => it.close())
    const countQueued = () => queue.count()
    const countApplied = () => database.number('select count(*) as number from movements')

    const [api, ...workerProcesses] = await startPrograms(stack, stand, [
      { ...untuned, name: 'naive-api', entry: 'naive/server-main.ts' },
      ...Array.from({ length: workers }, (_, index) => ({
        ...untuned,
        name: `naive-worker-${index + 1}`,
        entry: 'naive/worker-main.ts',
        env: { ...untuned.env, CONCURRENCY: concurrency },
      })),
    ])
    if (!api?.ready.publicUrl) throw new Error('the naive API told no address')
    const held = stack.move()
    return {
      target: { origin: api.ready.publicUrl, path: '/lines', headers: {} },
      pids: { api: api.pid, workers: workerProcesses.map(({ pid }) => pid) },
      countAccepted: async () => (await countQueued()) + (await countApplied()),
      countQueued,
      countApplied,
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    }
  },
}

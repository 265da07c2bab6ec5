import { createApiKey, ensureTenant, migrateLedger, openLedger } from '@inventoryrpa/ledger'
import { createBackend, queueNames } from '@inventoryrpa/queue'
import type { Contestant, Stand } from './contestant.ts'
import { openDatabase } from './database.ts'
import { startPrograms } from './processes.ts'

const prefix = 'inventoryrpa'

/** The API and the workers of this repository, with their default settings. */
export const ours: Contestant = {
  name: 'ours',
  start: async (stand, workers) => {
    await using stack = new AsyncDisposableStack()
    const key = await prepareLedger(stand)
    const database = stack.use(await openDatabase(stand.databaseUrl))
    const backend = stack.adopt(createBackend({ ...stand, prefix }), (it) => it.close())
    const queue = stack.adopt(backend.openQueue(queueNames.apply), (it) => it.close())
    const loopback = {
      OPS_HOST: '127.0.0.1',
      OPS_PORT: '0',
      LOG_LEVEL: 'warn',
      QUEUE_PREFIX: prefix,
    }

    const [api, ...workerProcesses] = await startPrograms(stack, stand, [
      {
        name: 'api',
        entry: '../apps/api/main.ts',
        env: {
          ...loopback,
          HOST: '127.0.0.1',
          PORT: '0',
          OPS_USER: 'bench',
          OPS_PASSWORD: 'bench',
        },
      },
      ...Array.from({ length: workers }, (_, index) => ({
        name: `worker-${index + 1}`,
        entry: '../apps/worker/main.ts',
        env: loopback,
      })),
    ])
    if (!api?.ready.publicUrl) throw new Error('the API told no address')
    const held = stack.move()
    return {
      target: {
        origin: api.ready.publicUrl,
        path: '/v1/batches',
        headers: { authorization: `Bearer ${key}` },
      },
      pids: { api: api.pid, workers: workerProcesses.map(({ pid }) => pid) },
      countAccepted: () => database.number('select sum(line_count) as number from chunks'),
      countQueued: async () => {
        // Chunks differ in length, so the lines are those of the chunks, once all of them are queued.
        const chunks = await database.number('select count(*) as number from chunks')
        if ((await queue.count()) !== chunks) return 0
        return database.number('select sum(line_count) as number from chunks')
      },
      countApplied: () => database.number('select sum(applied) as number from batches'),
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    }
  },
}

/** @returns the key that the load is sent with */
const prepareLedger = async ({ databaseUrl }: Stand): Promise<string> => {
  await migrateLedger(databaseUrl)
  const ledger = openLedger({ databaseUrl, maxConnections: 1 })
  try {
    const tenantId = await ensureTenant(ledger.db, 'bench')
    const scopes = ['batches:write'] as const
    const { key } = await createApiKey(ledger.db, { tenantId, name: 'bench', scopes })
    return key
  } finally {
    await ledger.close()
  }
}

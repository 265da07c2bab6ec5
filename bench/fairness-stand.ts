import { createApiKey, ensureTenant, migrateLedger, openLedger } from '@inventoryrpa/ledger'
import { migrateQueueBackend } from '@inventoryrpa/queue'
import type { Stand, Target } from './contestant.ts'
import { startPrograms } from './processes.ts'

export type Tenant = 'large' | 'small'
export type FairnessStand = AsyncDisposable & {
  targets: Record<Tenant, Target>
  /** Worker processes, until they are released; small chunks in each of them or in one of their own. */
  startWorkers(count: number, options: { ownExpress: boolean }): Promise<AsyncDisposable>
}

const loopback = {
  OPS_HOST: '127.0.0.1',
  OPS_PORT: '0',
  LOG_LEVEL: 'warn',
}

/** The API of this repository with two tenants; workers come and go. */
export const startFairnessStand = async (
  stand: Stand,
  backend: 'redis' | 'postgres',
): Promise<FairnessStand> => {
  await using stack = new AsyncDisposableStack()
  const keys = await prepareLedger(stand)
  // An empty variable counts as absent.
  const env = { ...loopback, REDIS_URL: backend === 'redis' ? stand.redisUrl : '' }
  const [api] = await startPrograms(stack, stand, [
    {
      name: 'api',
      entry: '../apps/api/main.ts',
      env: { ...env, HOST: '127.0.0.1', PORT: '0', OPS_USER: 'bench', OPS_PASSWORD: 'bench' },
    },
  ])
  const origin = api?.ready.publicUrl
  if (!origin) throw new Error('the API told no address')
  const target = (key: string) => ({
    origin,
    path: '/v1/batches',
    headers: { authorization: `Bearer ${key}` },
  })
  const held = stack.move()
  return {
    targets: { large: target(keys.large), small: target(keys.small) },
    startWorkers: async (count, { ownExpress }) => {
      await using workers = new AsyncDisposableStack()
      const worker = (name: string, queues: string) => ({
        name,
        entry: '../apps/worker/main.ts',
        env: { ...env, WORKER_QUEUES: queues },
      })
      const programs = Array.from({ length: count }, (_, index) =>
        worker(`worker-${index + 1}`, ownExpress ? 'apply,plan,sync' : 'all'),
      )
      if (ownExpress) programs.push(worker('express', 'express'))
      await startPrograms(workers, stand, programs)
      const running = workers.move()
      return { [Symbol.asyncDispose]: () => running.disposeAsync() }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** @returns the keys that each tenant's lines are sent with */
const prepareLedger = async ({ databaseUrl }: Stand): Promise<Record<Tenant, string>> => {
  await migrateLedger(databaseUrl)
  await migrateQueueBackend({ databaseUrl })
  const ledger = openLedger({ databaseUrl, maxConnections: 1 })
  const keyOf = async (tenant: Tenant) => {
    const tenantId = await ensureTenant(ledger.db, tenant)
    const scopes = ['batches:write'] as const
    return (await createApiKey(ledger.db, { tenantId, name: 'bench', scopes })).key
  }
  try {
    return { large: await keyOf('large'), small: await keyOf('small') }
  } finally {
    await ledger.close()
  }
}

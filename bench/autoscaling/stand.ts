import { createApiKey, ensureTenant, migrateLedger, openLedger } from '@inventoryrpa/ledger'
import type { OnlineRetailLine } from '@inventoryrpa/local'
import { submitLines } from '@inventoryrpa/testing'
import type { Stand } from '../contestant.ts'
import { openDatabase } from '../database.ts'
import { startPrograms } from '../processes.ts'

export type SimulatedStand = Stand & { queuePrefix?: string }

export type Api = AsyncDisposable & {
  opsUrl: string
  /** Every line that was answered 202. */
  readonly submitted: readonly OnlineRetailLine[]
  /** Posts lines of the day, in bodies of so many. */
  submit(lines: number, bodyLines: number): Promise<void>
  /** As PostgreSQL has it at this moment. */
  pendingLines(): Promise<number>
  /** The environment of whatever runs beside it. */
  env: Record<string, string | undefined>
}

/** Bodies in memory at once. */
const linesAtOnce = 100_000

/** The API alone. */
export const startApi = async (
  stand: SimulatedStand,
  day: readonly OnlineRetailLine[],
): Promise<Api> => {
  await using stack = new AsyncDisposableStack()
  const key = await prepareLedger(stand.databaseUrl)
  const database = stack.use(await openDatabase(stand.databaseUrl))
  const env = { OPS_HOST: '127.0.0.1', OPS_PORT: '0', QUEUE_PREFIX: stand.queuePrefix }
  const login = { OPS_USER: 'bench', OPS_PASSWORD: 'bench' }
  const [api] = await startPrograms(stack, stand, [
    {
      name: 'api',
      entry: '../apps/api/main.ts',
      env: { ...env, ...login, HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'warn' },
    },
  ])
  if (!api) throw new Error('the API was not started')
  const { publicUrl, opsUrl } = api.ready
  const call: Parameters<typeof submitLines>[0]['call'] = (path, init) =>
    fetch(`${publicUrl}${path}`, {
      ...init,
      headers: { ...init?.headers, authorization: `Bearer ${key}` },
    })
  const submitted: OnlineRetailLine[] = []
  const held = stack.move()
  return {
    opsUrl,
    submitted,
    env: { ...env, DATABASE_URL: stand.databaseUrl, REDIS_URL: stand.redisUrl },
    submit: async (lines, bodyLines) => {
      for (let left = lines; left > 0; left -= linesAtOnce) {
        const part = Array.from(
          { length: Math.min(left, linesAtOnce) },
          (_, index) => day[index % day.length] as OnlineRetailLine,
        )
        await submitLines({ call }, part, { bodyLines, concurrency: 2 })
        for (const line of part) submitted.push(line)
      }
    },
    pendingLines: () => database.number('select sum(pending) as number from batches'),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

const prepareLedger = async (databaseUrl: string): Promise<string> => {
  await migrateLedger(databaseUrl)
  const ledger = openLedger({ databaseUrl, maxConnections: 1 })
  try {
    const tenantId = await ensureTenant(ledger.db, 'bench')
    const scopes = ['batches:write'] as const
    return (await createApiKey(ledger.db, { tenantId, name: 'bench', scopes })).key
  } finally {
    await ledger.close()
  }
}

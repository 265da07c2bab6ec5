import {
  createTestDatabase,
  startTestSystem,
  type TestSystem,
  type TestSystemOptions,
  testRedis,
} from '@inventoryrpa/testing'
import { onTestFinished } from 'vitest'

export type FreshSystem = {
  system: TestSystem
  database: { url: string }
  /** Absent: the queue is in the database. */
  redis: ReturnType<typeof testRedis> | undefined
}

/** API and workers on a database and a queue of the test's own. All of it ends with the test. */
export const startFreshSystem = async (
  kind: 'redis' | 'postgres',
  options: Pick<TestSystemOptions, 'env' | 'onLog' | 'workers'> = {},
): Promise<FreshSystem> => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const redis = kind === 'redis' ? testRedis() : undefined
  if (redis) onTestFinished(() => redis.cleanup())
  const system = await startTestSystem({
    ...options,
    databaseUrl: database.url,
    redisUrl: redis?.url,
    queuePrefix: redis?.prefix,
  })
  onTestFinished(() => system.stop())
  return { system, database, redis }
}

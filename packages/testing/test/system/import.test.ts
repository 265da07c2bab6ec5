import { join } from 'node:path'
import { readOnlineRetailDay } from '@inventoryrpa/local'
import {
  checkLedger,
  createTestDatabase,
  importWithFaults,
  startRedis,
  startTestSystem,
  submitLines,
  untilCompleted,
} from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

const day = join(import.meta.dirname, '../../../../examples/online-retail/2010-12-01.csv')
const lines = await readOnlineRetailDay(day)
/** So many that each fault finds work under way, although waiting chunks are applied together. */
const manyLines = Array.from({ length: 8 }, () => lines).flat()

for (const backend of ['redis', 'postgres'] as const) {
  test(`a day of real trading ends as its plain sum, one movement a line, on ${backend}`, async () => {
    const { system, database } = await startFreshSystem(backend)

    const ids = await submitLines(system, lines)
    for (const id of ids) await untilCompleted(system, id)

    expect(await checkLedger(database.url, lines)).toEqual([])
  }, 90_000)

  test(`the same day eight times over survives ten killed workers${backend === 'redis' ? ', an emptied and a restarted Redis' : ''}, on ${backend}`, async () => {
    const database = await createTestDatabase()
    onTestFinished(() => database.drop())
    const redis = backend === 'redis' ? await startRedis({ appendOnly: true }) : undefined
    if (redis) onTestFinished(() => redis.stop())
    const system = await startTestSystem({
      databaseUrl: database.url,
      redisUrl: redis?.url,
      // Small chunks, so that even together they are not much.
      env: { CHUNK_LINES: '10', WORKER_CONCURRENCY: '1', DATABASE_CONNECTIONS: '4' },
    })
    onTestFinished(() => system.stop())

    const { batchIds, injected } = await importWithFaults(system, database.url, manyLines, redis)
    for (const id of batchIds) await untilCompleted(system, id, 120_000)

    expect(injected.filter(({ fault }) => fault === 'kill-worker')).toHaveLength(10)
    expect(injected.filter(({ fault }) => fault !== 'kill-worker')).toHaveLength(redis ? 3 : 0)
    expect(await checkLedger(database.url, manyLines)).toEqual([])
  }, 240_000)
}

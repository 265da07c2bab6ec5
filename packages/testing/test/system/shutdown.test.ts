import {
  checkLedger,
  createTestDatabase,
  startRedis,
  startTestSystem,
  submitLines,
  testRedis,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'

const manyLines = Array.from({ length: 5_000 }, (_, index) => ({
  type: 'adjustment',
  sku: `sku-${index % 900}`,
  location: 'here',
  quantity: index % 7,
}))

test('a worker told to stop in mid-work finishes what is in hand, exits 0, and another goes on', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const redis = testRedis()
  onTestFinished(() => redis.cleanup())
  const system = await startTestSystem({
    databaseUrl: database.url,
    redisUrl: redis.url,
    queuePrefix: redis.prefix,
    workers: 1,
    env: { CHUNK_LINES: '25' },
  })
  onTestFinished(() => system.stop())

  const ids = await submitLines(system, manyLines)
  const exit = await system.workers.shift()?.stop({ graceMs: 20_000 })
  expect(exit).toEqual({ code: 0, signal: null, killed: false })
  await system.addWorker()
  for (const id of ids) await untilCompleted(system, id)
  expect(await checkLedger(database.url, manyLines)).toEqual([])
}, 90_000)

test('with a dead Redis both apps stop within the grace period and exit 0', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const system = await startTestSystem({
    databaseUrl: database.url,
    redisUrl: redis.url,
    workers: 1,
    env: { SHUTDOWN_GRACE_MS: '3000' },
  })
  onTestFinished(() => system.stop())

  redis.freeze()
  const exits = await Promise.all(
    [system.api, ...system.workers].map((app) => app.stop({ graceMs: 10_000 })),
  )
  for (const exit of exits) expect(exit).toEqual({ code: 0, signal: null, killed: false })
}, 60_000)

test('an app whose supervisor is gone stops by itself', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const system = await startTestSystem({ databaseUrl: database.url, workers: 1 })
  onTestFinished(() => system.stop())

  // Its supervisor's end closes the IPC channel; closing it is all the app can notice.
  for (const app of [system.api, ...system.workers]) app.disconnect()
  const ended = Promise.all([system.api.exited, ...system.workers.map(({ exited }) => exited)])
  const exits = await until(() => ended, { describe: 'both ended' })
  for (const exit of exits) expect(exit.code).toBe(0)
}, 60_000)

import { migrateLedger } from '@inventoryrpa/ledger'
import {
  createTestDatabase,
  getBatch,
  startPostgres,
  startRedis,
  startTestSystem,
  type TestSystem,
  testRedis,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'

/** Invariant D: the API answers within this, whatever is away. */
const answerWithinMs = 1_500

const oneLine = (sku: string) =>
  JSON.stringify({
    negativeStock: 'allow',
    lines: [{ type: 'adjustment', sku, location: 'here', quantity: 1 }],
  })

const post = async (system: TestSystem, sku: string) => {
  const started = performance.now()
  const answer = await system.call('/v1/batches', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: oneLine(sku),
  })
  const body = (await answer.json()) as { id: string; code?: string }
  return { answer, body, ms: performance.now() - started }
}

const isReady = async (system: TestSystem) =>
  (await fetch(`${system.opsUrl}/readyz`)).status === 200

for (const [how, breakIt, healIt] of [
  ['stopped', 'kill', 'restart'],
  ['frozen', 'freeze', 'thaw'],
] as const) {
  test(`with Redis ${how} a batch is accepted all the same, and applied when Redis is back`, async () => {
    const database = await createTestDatabase()
    onTestFinished(() => database.drop())
    const redis = await startRedis({ appendOnly: true })
    onTestFinished(() => redis.stop())
    const system = await startTestSystem({ databaseUrl: database.url, redisUrl: redis.url })
    onTestFinished(() => system.stop())
    await untilCompleted(system, (await post(system, 'before')).body.id)

    await redis[breakIt]()
    const accepted = [await post(system, 'one'), await post(system, 'two')]
    for (const { answer, ms } of accepted) {
      expect(answer.status).toBe(202)
      expect(ms).toBeLessThan(answerWithinMs)
    }
    await until(async () => !(await isReady(system)), { timeoutMs: 5_000, describe: 'not ready' })
    for (const { body } of accepted)
      expect((await getBatch(system, body.id)).state).toBe('accepted')

    await redis[healIt]()
    for (const { body } of accepted) await untilCompleted(system, body.id, 30_000)
    expect(await isReady(system)).toBe(true)
  }, 90_000)
}

test('a batch whose API died before it enqueued reaches the queue within 10 s', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const redis = testRedis()
  onTestFinished(() => redis.cleanup())
  const options = { databaseUrl: database.url, queuePrefix: redis.prefix }
  // An API whose Redis does not exist stands for one that is killed between commit and enqueue.
  const broken = await startTestSystem({ ...options, redisUrl: 'redis://127.0.0.1:9', workers: 0 })
  onTestFinished(() => broken.stop())
  const { answer, body } = await post(broken, 'lost')
  expect(answer.status).toBe(202)

  const healthy = await startTestSystem({ ...options, redisUrl: redis.url, workers: 1 })
  onTestFinished(() => healthy.stop())
  await untilCompleted(healthy, body.id, 10_000)
}, 60_000)

test('with PostgreSQL stopped the API says 503 and when to ask again, and works on when it is back', async () => {
  const postgres = await startPostgres()
  onTestFinished(() => postgres.stop())
  await migrateLedger(postgres.url())
  const redis = testRedis()
  onTestFinished(() => redis.cleanup())
  const system = await startTestSystem({
    databaseUrl: postgres.url(),
    redisUrl: redis.url,
    queuePrefix: redis.prefix,
  })
  onTestFinished(() => system.stop())
  await untilCompleted(system, (await post(system, 'before')).body.id)

  await postgres.kill()
  const refused = await post(system, 'while away')
  expect(refused.answer.status).toBe(503)
  expect(refused.body.code).toBe('unavailable')
  expect(Number(refused.answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(refused.ms).toBeLessThan(answerWithinMs)
  await until(async () => !(await isReady(system)), { timeoutMs: 5_000, describe: 'not ready' })

  await postgres.restart()
  const pids = [system.api.pid, ...system.workers.map((worker) => worker.pid)]
  const accepted = await until(
    async () => {
      const posted = await post(system, 'after')
      return posted.answer.status === 202 ? posted : undefined
    },
    { timeoutMs: 30_000, describe: 'a 202 after the restart' },
  )
  await untilCompleted(system, accepted.body.id, 30_000)
  expect([system.api.pid, ...system.workers.map((worker) => worker.pid)]).toEqual(pids)
}, 120_000)

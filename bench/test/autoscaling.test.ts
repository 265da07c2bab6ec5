import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readOnlineRetailDay } from '@inventoryrpa/local'
import { createTestDatabase, testRedis } from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { findFlaps, type Look } from '../autoscaling/curve.ts'
import { readAutoscalers } from '../autoscaling/manifests.ts'
import { simulate } from '../autoscaling/simulate.ts'

const rootDir = join(import.meta.dirname, '../..')
const lines = 150_000

test('a million lines take the workers to the most replicas and back, each change in one direction, and every line is applied once', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const redis = testRedis()
  onTestFinished(() => redis.cleanup())
  const { keda, graceSeconds, scrapeSeconds } = await readAutoscalers(rootDir)
  const { minReplicas, maxReplicas } = keda.bounds

  const { looks, stops, pendingAtStops, submittedLines, faults } = await simulate(
    {
      databaseUrl: database.url,
      redisUrl: redis.url,
      queuePrefix: redis.prefix,
      onLog: () => undefined,
    },
    await readOnlineRetailDay(join(rootDir, 'examples/online-retail/2010-12-01.csv')),
    {
      autoscaler: keda,
      graceSeconds,
      scrapeSeconds,
      lines,
      linesPerLine: 1_000_000 / lines,
      speed: 20,
      coresPerCore: maxReplicas / availableParallelism(),
      atMostSeconds: 3_000,
    },
  )

  expect(faults).toEqual([])
  expect(Math.max(...looks.map(({ next }) => next))).toBe(maxReplicas)
  expect(looks.at(-1)?.next).toBe(minReplicas)
  expect(findFlaps(looks, keda.behavior.scaleDown.stabilizationWindowSeconds)).toEqual([])
  // All were stopped with lines pending, and none had to be killed.
  expect(stops).toHaveLength(maxReplicas - minReplicas)
  expect(stops.filter(({ code }) => code !== 0)).toEqual([])
  expect(Math.min(...pendingAtStops)).toBeGreaterThan(0)
  expect(submittedLines).toBeGreaterThan(lines)
}, 170_000)

const looksOf = (changes: [at: number, replicas: number, next: number][]): Look[] =>
  changes.map(([at, replicas, next]) => {
    return { at, replicas, next, ready: replicas, asked: next, because: '', pendingLines: 0 }
  })

test('a change of direction within the window is flapping, beyond it or in one direction it is not', () => {
  const steps: [number, number, number][] = [
    [0, 2, 6],
    [15, 6, 10],
    [30, 10, 10],
    [320, 10, 8],
  ]
  expect(findFlaps(looksOf(steps), 300)).toEqual([])
  expect(findFlaps(looksOf([...steps, [410, 8, 6]]), 300)).toEqual([])
  expect(findFlaps(looksOf([...steps, [410, 8, 9]]), 300)).toEqual(['10 → 8 at 320 s, 9 at 410 s'])
  expect(findFlaps(looksOf(steps), 306)).toHaveLength(1)
})

import { randomUUID } from 'node:crypto'
import { until } from '@inventoryrpa/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findDifference } from '../exactness.ts'
import { createLoad } from '../load.ts'
import { applyLine } from '../naive/worker.ts'
import { submitAll } from '../submit.ts'
import { day, type NaiveHere, startNaiveHere } from './naive-here.ts'

let naive: NaiveHere

beforeEach(async () => {
  naive = await startNaiveHere()
})
afterEach(() => naive[Symbol.asyncDispose]())

test('the naive service applies every line of a 202 once', async () => {
  const load = createLoad(day, { bodies: 3, linesPerBody: 100 })
  naive.startWorkers(2)
  await submitAll(naive.running.target, load.bodies, 2)
  await until(async () => (await naive.running.countApplied()) === load.lines, {
    describe: 'every line to be applied',
  })
  expect(await findDifference(naive.database.client, load)).toBeUndefined()
  expect(await naive.queue.getJobCounts()).toMatchObject({ completed: 0, failed: 0, waiting: 0 })
})

test('a job of the naive service that runs twice, or twice at once, changes stock once', async () => {
  const load = createLoad(day, { bodies: 1, linesPerBody: day.length })
  const batchId = randomUUID()
  const jobs = day.map((line, index) => ({ ...line, batchId, line: index + 1 }))
  await Promise.all([...jobs, ...jobs].map((job) => applyLine(naive.pool, job)))
  for (const job of jobs) await applyLine(naive.pool, job)
  expect(await findDifference(naive.database.client, load)).toBeUndefined()
})

test('the naive service queues nothing of a body with a malformed line', async () => {
  const lines = [day[0], { ...day[1], sku: '' }]
  const send = submitAll(naive.running.target, [Buffer.from(JSON.stringify({ lines }))], 1)
  await expect(send).rejects.toThrow('a body was answered 400')
  expect(await naive.queue.count()).toBe(0)
})

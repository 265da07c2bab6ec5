import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { measureAccept } from '../accept.ts'
import type { Running } from '../contestant.ts'
import { measureEndToEnd } from '../end-to-end.ts'
import { findDifference } from '../exactness.ts'
import { addUp, createLoad } from '../load.ts'
import { day, type NaiveHere, startNaiveHere } from './naive-here.ts'

const warmUp = createLoad(day, { bodies: 1, linesPerBody: 10 })
const load = createLoad(day, { bodies: 2, linesPerBody: 20 })
const plan = { warmUp, load, connections: 1 }

let naive: NaiveHere

beforeEach(async () => {
  naive = await startNaiveHere()
})
afterEach(() => naive[Symbol.asyncDispose]())

const measureWithin = (deadlineMs: number) =>
  measureEndToEnd(naive.running, naive.database, { ...plan, deadlineMs })

/** The next body is answered 202 and queued all but one line. */
const loseALine = () => {
  const { queue } = naive
  const addBulk = queue.addBulk.bind(queue)
  vi.spyOn(queue, 'addBulk').mockImplementationOnce((jobs) => addBulk(jobs.slice(1)))
}

test('a round in which every line is applied once counts', async () => {
  naive.startWorkers(2)
  expect(await measureWithin(10_000)).toBeGreaterThan(0)
})

test('a line that is lost after its 202 voids the round, end to end', async () => {
  loseALine()
  naive.startWorkers(2)
  await expect(measureWithin(500)).rejects.toMatchObject({
    code: 'VOID_ROUND',
    message: '9 of 10 lines were applied within 0.5 s',
  })
})

test('a line that is lost after its 202 voids the round, on acceptance alone', async () => {
  loseALine()
  const measured = measureAccept(naive.running, naive.redisUrl, {
    ...plan,
    cores: 1,
    cpuSeconds: () => 0,
    queuedWithinMs: 500,
  })
  await expect(measured).rejects.toMatchObject({
    code: 'VOID_ROUND',
    message: '9 of 10 lines are queued',
  })
})

test('a wrong level voids the round although the count of lines is right', async () => {
  naive.startWorkers(2)
  const miscounting: Running = {
    ...naive.running,
    countApplied: async () => {
      await naive.database.client.query(
        `update stock_levels set on_hand = on_hand + 0.001 where sku = 'POST'`,
      )
      return naive.running.countApplied()
    },
  }
  const measured = measureEndToEnd(miscounting, naive.database, { ...plan, deadlineMs: 10_000 })
  await expect(measured).rejects.toMatchObject({
    code: 'VOID_ROUND',
    message: expect.stringContaining('POST at United Kingdom'),
  })
})

test('a line applied for another one is noticed', async () => {
  naive.startWorkers(2)
  await measureWithin(10_000)
  const { client } = naive.database
  const expected = addUp([warmUp, load])
  expect(await findDifference(client, expected)).toBeUndefined()
  await client.query(
    `update movements set sku = 'POST' where ctid = (select min(ctid) from movements where sku <> 'POST')`,
  )
  expect(await findDifference(client, expected)).toMatch(/is .* after .*, its lines add up to/)
})

import { storeBody } from '@inventoryrpa/ledger'
import { createBackend, queueNames } from '@inventoryrpa/queue'
import { getBatch, submitLines, until, untilCompleted } from '@inventoryrpa/testing'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

const line = (sku: string) => ({ type: 'adjustment', sku, location: 'here', quantity: 1 })

/** The API alone, and its queue as a later release beside it would use it. */
const start = async (kind: 'redis' | 'postgres') => {
  const { system, database, redis } = await startFreshSystem(kind, { workers: 0 })
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())
  const backend = createBackend({
    databaseUrl: database.url,
    redisUrl: redis?.url,
    prefix: redis?.prefix ?? '',
  })
  onTestFinished(() => backend.close())
  const queue = backend.openQueue(queueNames.express)
  onTestFinished(() => queue.close())
  await until(async () => (await backend.check()) === undefined, { describe: 'the queue in reach' })
  const untilFailed = (jobId: string) =>
    until(async () => (await queue.getJob(jobId))?.finishedOn !== undefined, {
      describe: `job ${jobId} in the failed list`,
    })
  const submit = async (sku: string) => {
    const [id = ''] = await submitLines(system, [line(sku)])
    return id
  }
  return { system, client, queue, submit, untilFailed }
}

describe.for(['redis', 'postgres'] as const)('on %s', (kind) => {
  test('a chunk whose job a later release wrote is applied all the same', async () => {
    const { system, queue, submit } = await start(kind)
    const id = await submit('a')
    const jobId = `${id}-0`
    const job = await until(() => queue.getJob(jobId), { describe: 'the job' })
    await job.remove()
    await queue.add(job.name, { ...job.data, v: 2, hint: 'later' }, { ...job.opts, jobId })

    await system.addWorker()
    await untilCompleted(system, id)
    expect((await getBatch(system, id)).counts).toMatchObject({ applied: 1, dead: 0 })
  })

  test('a job of a kind that only a later release knows is kept with all it says', async () => {
    const { system, queue, submit, untilFailed } = await start(kind)
    const data = { v: 1, batchId: 'of a kind to come' }
    await queue.add('sing-song', data, { jobId: 'later-1', attempts: 3 })

    await system.addWorker()
    await untilFailed('later-1')
    await untilCompleted(system, await submit('a'))
    expect(await queue.getJob('later-1')).toMatchObject({ name: 'sing-song', data })
    expect(await (await queue.getJob('later-1'))?.getState()).toBe('failed')
  })

  test('lines of a type that only a later release knows wait for it, and are not applied as something else', async () => {
    const { system, client, submit, untilFailed } = await start(kind)
    const id = await submit('a')
    const { rows } = await client.query('select lines from chunks where batch_id = $1', [id])
    const write = (lines: Buffer) =>
      client.query('update chunks set lines = $2 where batch_id = $1', [id, lines])
    await client.query(`alter type line_type add value 'recount'`)
    const later = { lines: [{ ...line('a'), type: 'recount' }] }
    await write(storeBody(Buffer.from(JSON.stringify(later))))

    await system.addWorker()
    await untilFailed(`${id}-0`)
    await untilCompleted(system, await submit('c'))
    expect((await getBatch(system, id)).counts).toMatchObject({ pending: 1, dead: 0, applied: 0 })
    // A worker that can read them has come.
    await write(rows[0].lines)
    await untilCompleted(system, id)
    expect((await getBatch(system, id)).counts).toMatchObject({ applied: 1, dead: 0 })
  })

  test("a later release's queue is left to it, and keeps the relay from nothing else", async () => {
    const { system, client, queue, submit } = await start(kind)
    const [later, lost] = [await submit('a'), await submit('b')]
    for (const id of [later, lost]) {
      const job = await until(() => queue.getJob(`${id}-0`), { describe: 'the job' })
      await job.remove()
    }
    await client.query(`update chunks set queue = 'later' where batch_id = $1`, [later])

    await system.addWorker()
    await untilCompleted(system, lost)
    expect((await getBatch(system, later)).counts).toMatchObject({ pending: 1 })
  })
})

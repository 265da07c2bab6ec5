import { randomUUID } from 'node:crypto'
import { chunkJobId, jobNames } from '@inventoryrpa/queue'
import { until } from '@inventoryrpa/testing'
import { describe, expect, test } from 'vitest'
import { fastPolicy, newChunk, openQueue } from './queue-under-test.ts'

const fail = () => {
  throw new Error('not this time')
}

describe.for(['redis', 'postgres'] as const)('on %s', (kind) => {
  test('each added job runs once, with its payload', async () => {
    const queue = await openQueue(kind)
    const chunks = Array.from({ length: 30 }, (_, index) => newChunk(index))
    await queue.producer.enqueueChunks(chunks)
    const { runs, attempts } = queue.consume({ concurrency: 5 })
    await until(() => attempts.length === 30, { describe: 'all jobs run' })
    for (const chunk of chunks) await queue.untilState(chunkJobId(chunk), 'completed')
    expect(runs.map(({ id }) => id).sort()).toEqual(chunks.map(chunkJobId).sort())
    for (const { id, payload, attempt } of runs) {
      expect(chunkJobId(payload)).toBe(id)
      expect(payload.v).toBe(1)
      expect(attempt).toBe(1)
    }
    expect(new Set(attempts)).toEqual(new Set(['completed']))
  })

  test('the same chunk added again, at once or later, is one job', async () => {
    const queue = await openQueue(kind)
    const chunk = newChunk()
    await Promise.all(
      Array.from({ length: 10 }, () => queue.producer.enqueueChunks([chunk, chunk])),
    )
    expect(await queue.jobs()).toMatchObject({ waiting: 1 })
    const { runs } = queue.consume()
    await queue.untilState(chunkJobId(chunk), 'completed')
    const other = newChunk()
    await queue.producer.enqueueChunks([chunk, other])
    await queue.untilState(chunkJobId(other), 'completed')
    expect(runs.map(({ id }) => id)).toEqual([chunkJobId(chunk), chunkJobId(other)])
  })

  test('a job that fails is tried again after growing delays, then exhausted and failed', async () => {
    const queue = await openQueue(kind, { attempts: 3, backoffMs: 600, backoffMaxMs: 10_000 })
    const id = await enqueueOne(queue)
    const { runs, exhausted, attempts } = queue.consume({ run: fail })
    await queue.untilState(id, 'failed')
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    const [first = 0, second = 0, third = 0] = runs.map(({ at }) => at)
    expect(second - first).toBeGreaterThanOrEqual(440)
    expect(third - second).toBeGreaterThanOrEqual(890)
    expect(attempts).toEqual(['retrying', 'retrying', 'failed'])
    expect(exhausted).toMatchObject([
      { run: { id, attempt: 3 }, error: { message: 'not this time' } },
    ])
  })

  test('no delay grows beyond the cap', async () => {
    const queue = await openQueue(kind, { attempts: 5, backoffMs: 500, backoffMaxMs: 500 })
    const id = await enqueueOne(queue)
    const { runs } = queue.consume({ run: fail })
    await queue.untilState(id, 'failed')
    const [first = 0, ...later] = runs.map(({ at }) => at)
    expect(later).toHaveLength(4)
    // Without the cap the four delays come to at least 5.6 s.
    expect((later.at(-1) ?? 0) - first).toBeLessThan(5_500)
  })

  test('a job that succeeds at a later attempt is completed and never exhausted', async () => {
    const queue = await openQueue(kind)
    const id = await enqueueOne(queue)
    const { exhausted, attempts } = queue.consume({
      run: ({ attempt }) => (attempt < 3 ? fail() : undefined),
    })
    await queue.untilState(id, 'completed')
    expect(attempts).toEqual(['retrying', 'retrying', 'completed'])
    expect(exhausted).toEqual([])
  })

  test('an error that says it is not retryable ends the job at once', async () => {
    const queue = await openQueue(kind)
    const id = await enqueueOne(queue)
    const error = Object.assign(new Error('never'), { retryable: false })
    const { runs, exhausted, attempts } = queue.consume({
      run: () => {
        throw error
      },
    })
    await queue.untilState(id, 'failed')
    expect(runs).toHaveLength(1)
    expect(attempts).toEqual(['failed'])
    expect(exhausted).toMatchObject([{ run: { id, attempt: 1 }, error: { message: 'never' } }])
  })

  test('a job that no handler can read is failed at once, and the next one runs', async () => {
    const queue = await openQueue(kind)
    await queue.addForeign(jobNames.applyChunk, { v: 2, batchId: randomUUID() }, 'newer')
    await queue.addForeign('unheard-of', {}, 'nameless')
    const { runs, exhausted, attempts } = queue.consume({ run: fail })
    await queue.untilState('newer', 'failed')
    await queue.untilState('nameless', 'failed')
    expect({ runs, exhausted, attempts }).toEqual({
      runs: [],
      exhausted: [],
      attempts: ['failed', 'failed'],
    })
    const id = await enqueueOne(queue)
    await queue.untilState(id, 'failed')
    expect(runs).toHaveLength(fastPolicy.attempts)
  })

  test('reconciling adds what the queue has lost, and leaves what it knows alone', async () => {
    const queue = await openQueue(kind)
    const chunks = [newChunk(0), newChunk(1), newChunk(2)]
    await queue.producer.enqueueChunks(chunks)
    expect(await queue.producer.reconcileChunks(chunks)).toBe(0)
    await queue.forget()
    expect(await queue.jobs()).toMatchObject({ waiting: 0 })
    expect(await queue.producer.reconcileChunks(chunks)).toBe(3)
    expect(await queue.producer.reconcileChunks(chunks)).toBe(0)
    const { runs, attempts } = queue.consume()
    await until(() => attempts.length === 3, { describe: 'the three jobs run' })
    expect(runs.map(({ id }) => id).sort()).toEqual(chunks.map(chunkJobId).sort())
  })

  test('a consumer that was waiting takes what is added after the queue was emptied', async () => {
    const queue = await openQueue(kind)
    const { runs } = queue.consume()
    await queue.untilState(await enqueueOne(queue), 'completed')
    await queue.forget()
    const chunk = newChunk()
    expect(await queue.producer.reconcileChunks([chunk])).toBe(1)
    await queue.untilState(chunkJobId(chunk), 'completed')
    expect(runs).toHaveLength(2)
  })

  test('reconciling runs a failed job again, with all its attempts', async () => {
    const queue = await openQueue(kind)
    const chunk = newChunk()
    await queue.producer.enqueueChunks([chunk])
    const { runs, exhausted } = queue.consume({ run: fail })
    await queue.untilState(chunkJobId(chunk), 'failed')
    expect(await queue.producer.reconcileChunks([chunk])).toBe(1)
    await until(() => exhausted.length === 2, { describe: 'the revived job exhausted' })
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2, 3])
  })

  test('reconciling runs a completed job again', async () => {
    const queue = await openQueue(kind)
    const chunk = newChunk()
    await queue.producer.enqueueChunks([chunk])
    const { runs } = queue.consume()
    await queue.untilState(chunkJobId(chunk), 'completed')
    expect(await queue.producer.reconcileChunks([chunk])).toBe(1)
    await until(() => runs.length === 2, { describe: 'the job run again' })
    await queue.untilState(chunkJobId(chunk), 'completed')
  })

  test('closing finishes the job in hand and takes no other; another consumer does', async () => {
    const queue = await openQueue(kind)
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
    const chunks = [newChunk(0), newChunk(1), newChunk(2)]
    await queue.producer.enqueueChunks(chunks)
    const first = queue.consume({ run: () => finished })
    await until(() => first.runs.length === 1, { describe: 'a job in hand' })
    const closing = first.consumer.close(10_000)
    const second = queue.consume()
    await until(() => second.attempts.length === 2, { describe: 'the others run by the second' })
    expect(first.attempts).toEqual([])
    finish()
    expect(await closing).toBe(true)
    expect(first.attempts).toEqual(['completed'])
    for (const chunk of chunks) await queue.untilState(chunkJobId(chunk), 'completed')
    const ran = [...first.runs, ...second.runs].map(({ id }) => id)
    expect(ran.sort()).toEqual(chunks.map(chunkJobId).sort())
  })

  test('closing says when the grace was too short for the job in hand', async () => {
    const queue = await openQueue(kind)
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
    await enqueueOne(queue)
    const { runs, consumer } = queue.consume({ run: () => finished })
    await until(() => runs.length === 1, { describe: 'a job in hand' })
    expect(await consumer.close(100)).toBe(false)
    finish()
  })

  test('two consumers share the jobs, and no job runs in both', async () => {
    const queue = await openQueue(kind)
    const chunks = Array.from({ length: 40 }, (_, index) => newChunk(index))
    const watched = [queue.consume(), queue.consume()]
    await queue.producer.enqueueChunks(chunks)
    const attempts = () => watched.flatMap((it) => it.attempts)
    await until(() => attempts().length === 40, { describe: 'all jobs run' })
    const ran = watched.flatMap(({ runs }) => runs.map(({ id }) => id))
    expect(ran.sort()).toEqual(chunks.map(chunkJobId).sort())
  })
})

const enqueueOne = async ({ producer }: Awaited<ReturnType<typeof openQueue>>) => {
  const chunk = newChunk()
  await producer.enqueueChunks([chunk])
  return chunkJobId(chunk)
}

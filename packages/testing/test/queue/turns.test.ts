import { chunkJobId } from '@inventoryrpa/queue'
import { until } from '@inventoryrpa/testing'
import { describe, expect, test } from 'vitest'
import { newChunk, openQueue } from './queue-under-test.ts'

describe.for(['redis', 'postgres'] as const)('on %s', (kind) => {
  test('the lowest tag runs first, equal ones as they came', async () => {
    const queue = await openQueue(kind)
    const tags = [7, 3, 5, 3, 2_097_151, 1]
    const chunks = tags.map((tag, index) => ({ ...newChunk(index), tag }))
    await queue.producer.enqueueChunks(chunks)
    expect(await queue.producer.virtualTime('apply')).toBe(1)
    const { runs } = queue.consume()
    await until(() => runs.length === tags.length, { describe: 'all jobs run' })
    expect(runs.map(({ payload }) => payload.chunk)).toEqual([5, 1, 3, 2, 0, 4])
    expect(runs.map(({ tag }) => tag)).toEqual([1, 3, 3, 5, 7, 2_097_151])
    expect(await queue.producer.virtualTime('apply')).toBe(0)
  })

  test('a job that is put back runs in its new turn, once, and has used up no attempt', async () => {
    const queue = await openQueue(kind)
    const chunks = [1, 2, 3].map((tag) => ({ ...newChunk(tag), tag }))
    await queue.producer.enqueueChunks(chunks)
    const { runs, attempts } = queue.consume({
      run: ({ tag }) => (tag === 1 ? { outcome: 'put-back', tag: 9 } : undefined),
    })
    await until(() => runs.length === 4, { describe: 'all jobs run' })
    for (const chunk of chunks) await queue.untilState(chunkJobId(chunk), 'completed')
    expect(
      runs.map(({ payload, tag, attempt, returns }) => [payload.chunk, tag, attempt, returns]),
    ).toEqual([
      [1, 1, 1, 0],
      [2, 2, 1, 0],
      [3, 3, 1, 0],
      [1, 9, 1, 1],
    ])
    expect(attempts).toEqual(['put-back', 'completed', 'completed', 'completed'])
  })

  test('two consumers that put back the same jobs run each to its end once', async () => {
    const queue = await openQueue(kind)
    const chunks = Array.from({ length: 20 }, (_, index) => ({
      ...newChunk(index),
      tag: index + 1,
    }))
    const run = ({ tag, returns }: { tag: number; returns: number }) =>
      returns < 2 ? { outcome: 'put-back', tag: tag + 30 } : undefined
    const consumers = [queue.consume({ run }), queue.consume({ run })]
    await queue.producer.enqueueChunks(chunks)
    for (const chunk of chunks) await queue.untilState(chunkJobId(chunk), 'completed')
    const attempts = consumers.flatMap((it) => it.attempts)
    expect(attempts.filter((it) => it === 'completed')).toHaveLength(20)
    expect(attempts.filter((it) => it === 'put-back')).toHaveLength(40)
  })

  test('a scheduled job is known, not revived, and runs when its time has come', async () => {
    const queue = await openQueue(kind)
    const notBefore = new Date(Date.now() + 1_500)
    const chunk = { ...newChunk(), notBefore }
    await queue.producer.enqueueChunks([chunk])
    const { runs } = queue.consume()
    expect(await queue.producer.reconcileChunks([chunk])).toBe(0)
    expect(await queue.stateOf(chunkJobId(chunk))).toBe('delayed')
    await queue.forget()
    expect(await queue.producer.reconcileChunks([chunk])).toBe(1)
    expect(await queue.stateOf(chunkJobId(chunk))).toBe('delayed')
    await queue.untilState(chunkJobId(chunk), 'completed')
    expect(runs).toHaveLength(1)
    expect(runs[0]?.scheduled).toBe(true)
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore.getTime())
  })

  test('tags that run high are shifted down in their order, and new ones go behind what waits', async () => {
    const queue = await openQueue(kind)
    const tags = [1_100_000, 1_100_005, 2_097_151]
    await queue.producer.enqueueChunks(tags.map((tag) => ({ ...newChunk(tag), tag })))
    expect(await queue.producer.shiftTags()).toBe(3)
    expect(await queue.producer.virtualTime('apply')).toBe(1)
    expect(await queue.producer.shiftTags()).toBe(0)
    // Placed by one who did not know of it.
    await queue.producer.enqueueChunks([{ ...newChunk(4), tag: 1_100_003 }])
    expect(await queue.producer.shiftTags()).toBe(1)
    const { runs } = queue.consume()
    await until(() => runs.length === 4, { describe: 'all jobs run' })
    expect(runs.map(({ payload }) => payload.chunk)).toEqual([1_100_000, 4, 1_100_005, 2_097_151])
  })

  test('a chunk that may end its process is to be applied in one of its own, wherever it comes from', async () => {
    const queue = await openQueue(kind)
    const [suspect, other] = [{ ...newChunk(1), suspect: true }, newChunk(2)]
    await queue.producer.enqueueChunks([other])
    await queue.producer.reconcileChunks([suspect, other])
    const { runs } = queue.consume()
    await until(() => runs.length === 2, { describe: 'both jobs run' })
    const isolated = new Map(runs.map(({ payload }) => [payload.chunk, payload.isolated]))
    expect(isolated).toEqual(
      new Map([
        [1, true],
        [2, undefined],
      ]),
    )
  })

  test('chunks that workers have in hand are listed with their queue', async () => {
    const queue = await openQueue(kind)
    const chunk = newChunk()
    const done = Promise.withResolvers<void>()
    const { runs } = queue.consume({ run: () => done.promise })
    await queue.producer.enqueueChunks([chunk])
    await until(() => runs.length === 1, { describe: 'it is in hand' })
    expect(await queue.producer.listInHand()).toEqual([chunk])
    done.resolve()
    await queue.untilState(chunkJobId(chunk), 'completed')
    expect(await queue.producer.listInHand()).toEqual([])
  })
})

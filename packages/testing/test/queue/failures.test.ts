import { chunkJobId } from '@inventoryrpa/queue'
import { describe, expect, test } from 'vitest'
import { newChunk, openQueue, type QueueUnderTest } from './queue-under-test.ts'

const fail = () => {
  throw new Error('not this time')
}
const outage = (retryAfterMs?: number) =>
  Object.assign(new Error('all is away'), { outage: true, retryAfterMs })

const enqueueOne = async (queue: QueueUnderTest) => {
  const chunk = newChunk()
  await queue.producer.enqueueChunks([chunk])
  return chunkJobId(chunk)
}
/** Throws an outage so many times, then does nothing. */
const outages = (times: number) => {
  let left = times
  return () => {
    left -= 1
    if (left >= 0) throw outage()
  }
}

describe.for(['redis', 'postgres'] as const)('on %s', (kind) => {
  test('an outage uses up no attempt, however long it lasts', async () => {
    const queue = await openQueue(kind)
    const id = await enqueueOne(queue)
    const { runs, attempts, exhausted } = queue.consume({ run: outages(6) })
    await queue.untilState(id, 'completed')
    expect(runs.map(({ attempt }) => attempt)).toEqual(Array(7).fill(1))
    expect(attempts).toEqual([...Array(6).fill('outage'), 'completed'])
    expect(exhausted).toEqual([])
  })

  test('an outage holds the queue for its other jobs too, and for as long as it asks', async () => {
    const queue = await openQueue(kind)
    const ids = [await enqueueOne(queue), await enqueueOne(queue)]
    let isAway = true
    const { runs } = queue.consume({
      run: () => {
        if (!isAway) return
        isAway = false
        throw outage(1_500)
      },
    })
    for (const id of ids) await queue.untilState(id, 'completed')
    const [first, ...later] = runs.map(({ at }) => at)
    expect(later).toHaveLength(2)
    for (const at of later) expect(at - (first ?? 0)).toBeGreaterThanOrEqual(1_400)
  })

  test('an outage while a failed attempt is recorded does not use it up', async () => {
    const queue = await openQueue(kind)
    const id = await enqueueOne(queue)
    const { runs, attempts, exhausted } = queue.consume({ run: fail, onFailedAttempt: outages(4) })
    await queue.untilState(id, 'failed')
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1, 2, 3])
    expect(attempts).toEqual([...Array(4).fill('outage'), 'retrying', 'retrying', 'failed'])
    expect(exhausted).toHaveLength(1)
  })

  test('an outage while a job is buried is waited for, and then it is buried', async () => {
    const queue = await openQueue(kind)
    const id = await enqueueOne(queue)
    const { runs, attempts, exhausted } = queue.consume({ run: fail, onExhausted: outages(3) })
    await queue.untilState(id, 'failed')
    expect(runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 3, 3, 3])
    expect(attempts.at(-1)).toBe('failed')
    expect(exhausted).toMatchObject([{ run: { id, attempt: 3 } }])
  })

  test('whatever a handler throws, error or not, is an attempt that failed', async () => {
    const queue = await openQueue(kind)
    const odd = [undefined, Object.create(null), Symbol('odd')]
    const id = await enqueueOne(queue)
    const { attempts, exhausted } = queue.consume({
      run: ({ attempt }) => {
        throw odd[attempt - 1]
      },
    })
    await queue.untilState(id, 'failed')
    expect(attempts).toEqual(['retrying', 'retrying', 'failed'])
    expect(exhausted).toMatchObject([{ error: { message: 'Symbol(odd)' } }])
  })

  test('a job that others took over is completed', async () => {
    const queue = await openQueue(kind)
    const id = await enqueueOne(queue)
    const { exhausted } = queue.consume({
      run: fail,
      onExhausted: () => 'completed',
    })
    await queue.untilState(id, 'completed')
    expect(exhausted).toHaveLength(1)
  })
})

import { expect, test } from 'vitest'
import { watchVirtualTime } from '../src/virtual-time.ts'

const watched = () => {
  const clock = { ms: 0, tag: 0, reads: 0 }
  const virtualTime = watchVirtualTime(
    async () => {
      clock.reads += 1
      return clock.tag
    },
    () => clock.ms,
  )
  const at = (ms: number, tag: number) => {
    Object.assign(clock, { ms, tag })
    return virtualTime()
  }
  return { at, clock }
}

test('the queue is asked once in a quarter of a second, however many ask at once', async () => {
  const { at, clock } = watched()
  await Promise.all([at(0, 5), at(0, 5), at(0, 5)])
  for (const ms of [1, 100, 249]) expect(await at(ms, 9)).toBe(5)
  expect(clock.reads).toBe(1)
  expect(await at(250, 9)).toBe(9)
  expect(clock.reads).toBe(2)
})

test('it returns to the start at once when nothing waits', async () => {
  const { at } = watched()
  await at(0, 5_000)
  expect(await at(300, 0)).toBe(0)
})

test('a retried job with an old tag does not turn it back; an emptied and refilled queue does', async () => {
  const { at } = watched()
  await at(0, 5_000)
  expect(await at(300, 12)).toBe(5_000)
  expect(await at(600, 5_001)).toBe(5_001)
  expect(await at(900, 3)).toBe(5_001)
  expect(await at(2_700, 4)).toBe(4)
})

import { expect, onTestFinished, test, vi } from 'vitest'
import { createBreaker } from '../src/breaker.ts'

const openBreaker = async (openMs: number) => {
  const states: string[] = []
  const breaker = createBreaker<'good' | 'bad'>({
    opensAfter: { consecutive: 1 },
    openMs,
    probeMs: 1_000,
    isFailure: (result) => result === 'bad',
    onState: (state) => states.push(state),
  })
  await breaker.run(async () => 'bad')
  return { breaker, states }
}

const setClock = (ms: number) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
  onTestFinished(() => {
    vi.useRealTimers()
  })
}

test('a clock that is set back does not keep it open', async () => {
  const { breaker, states } = await openBreaker(20)
  setClock(-3_600_000)
  await expect.poll(breaker.waitMs, { interval: 5 }).toBe(0)
  expect(await breaker.run(async () => 'good')).toBe('good')
  expect(states).toEqual(['open', 'half-open', 'closed'])
})

test('a clock that is set forward does not let anything through', async () => {
  const { breaker } = await openBreaker(60_000)
  setClock(3_600_000)
  expect(breaker.waitMs()).toBeGreaterThan(59_000)
  await expect(breaker.run(async () => 'good')).rejects.toThrow()
})

test('from what throws it learns nothing', async () => {
  const { breaker, states } = await openBreaker(20)
  await expect.poll(breaker.waitMs, { interval: 5 }).toBe(0)
  await breaker.run(async () => 'good')
  const failing = breaker.run(() => Promise.reject(new Error('not needed')))
  await expect(failing).rejects.toThrow('not needed')
  expect(states).toEqual(['open', 'half-open', 'closed'])
})

import { expect, test } from 'vitest'
import { createExpressWay } from '../express-way.ts'

const small = { lines: 10, priority: 'normal', notBefore: undefined } as const

const opened = () => {
  const clock = { ms: 0 }
  return { clock, way: createExpressWay({ now: () => clock.ms }) }
}

test('small batches take the express queue; large, low and scheduled ones do not', () => {
  const { way } = opened()
  expect(way.admits(1, small)).toBe(true)
  expect(way.admits(1, { ...small, lines: 100, priority: 'high' })).toBe(true)
  expect(way.admits(1, { ...small, lines: 101 })).toBe(false)
  expect(way.admits(1, { ...small, priority: 'low' })).toBe(false)
  expect(way.admits(1, { ...small, notBefore: new Date() })).toBe(false)
})

test('whoever sends everything in small batches queues with the large ones, and nobody else does', () => {
  const { clock, way } = opened()
  const sendSecond = (tenantId: number) => {
    const admitted = Array.from({ length: 1_000 }, () => {
      clock.ms += 1
      return way.admits(tenantId, small)
    })
    return admitted.filter(Boolean).length
  }
  sendSecond(1)
  expect(sendSecond(1) * small.lines).toBeLessThanOrEqual(500 + small.lines)
  expect(way.admits(2, small)).toBe(true)
})

test('an allowance fills up again, and no further than at the start', () => {
  const { clock, way } = opened()
  const most = { ...small, lines: 100 }
  const taken = () => {
    let batches = 0
    while (way.admits(1, most)) batches += 1
    return batches
  }
  expect(taken()).toBe(10)
  expect(taken()).toBe(0)
  clock.ms += 3_600_000
  expect(taken()).toBe(10)
})

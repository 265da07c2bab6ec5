import fc from 'fast-check'
import { expect, test } from 'vitest'
import { secondsUntilRoom } from '../backlog-limit.ts'

const limitLines = 1_200
const drainSeconds = 100
const asked = (own: number, others = 0, weight = 1) =>
  secondsUntilRoom({ lines: own, weight }, { limitLines, pendingLines: own + others, drainSeconds })

test('a tenant alone may fill half of the limit, one of two a third', () => {
  expect([asked(599), asked(600)]).toEqual([0, 1])
  expect([asked(399, 400), asked(400, 400)]).toEqual([0, 1])
})

test('a tenant that weighs more may fill more', () => {
  expect([asked(899, 0, 3), asked(900, 0, 3)]).toEqual([0, 1])
})

test('whoever has little waiting finds room beside one that has filled its part', () => {
  expect(asked(10, 600)).toBe(0)
})

test('the larger the excess, the longer the wait, up to 10 minutes', () => {
  expect(asked(800)).toBe(50)
  expect(asked(1_200)).toBe(100)
  const stuck = { limitLines, pendingLines: 1_200, drainSeconds: 86_400 }
  expect(secondsUntilRoom({ lines: 1_200, weight: 1 }, stuck)).toBe(600)
})

test('tenants that send whenever they may never exceed the limit together', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ tenant: fc.nat(4), lines: fc.integer({ min: 1, max: 20 }) }), {
        maxLength: 400,
      }),
      (batches) => {
        const waiting = new Map<number, number>()
        const total = () => [...waiting.values()].reduce((sum, lines) => sum + lines, 0)
        for (const { tenant, lines } of batches) {
          const own = waiting.get(tenant) ?? 0
          if (asked(own, total() - own) === 0) waiting.set(tenant, own + lines)
        }
        expect(total()).toBeLessThan(limitLines)
      },
    ),
  )
})

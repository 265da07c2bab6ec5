import fc from 'fast-check'
import type { Line } from '../src/index.ts'

const place = fc.constantFrom('Leeds', 'Paris', 'Rome')
const common = {
  sku: fc.constantFrom('A', 'B', 'C'),
  location: place,
  occurredAt: fc.integer({ min: 0, max: 12 }),
}
const amount = fc.bigInt({ min: 0n, max: 6_000n })

const adjustment = fc.record({
  type: fc.constant('adjustment' as const),
  ...common,
  quantity: fc.bigInt({ min: -6_000n, max: 6_000n }),
  expectedOnHand: fc.option(fc.constantFrom(0n, 1_000n), { nil: undefined, freq: 8 }),
})
const count = fc.record({ type: fc.constant('count' as const), ...common, quantity: amount })
const transfer = fc
  .record({
    type: fc.constant('transfer' as const),
    ...common,
    toLocation: place,
    quantity: amount,
  })
  .filter((line) => line.location !== line.toLocation)

const numbered = (lines: Omit<Line, 'number'>[]) =>
  lines.map((line, index) => ({ ...line, number: index + 1 }) as Line)

/** Few SKUs, places and moments, so that lines collide. */
export const anyLines = fc
  .array(fc.oneof(adjustment, count, transfer), { maxLength: 40 })
  .map(numbered)

export const linesWithoutTransfers = fc
  .array(fc.oneof(adjustment, count), { maxLength: 40 })
  .map(numbered)

export const anyPolicy = fc.constantFrom('reject' as const, 'allow' as const)

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatQuantity, maxOnHand, parseQuantity } from '../src/index.ts'

const anyQuantity = fc.bigInt({ min: -maxOnHand * 2n, max: maxOnHand * 2n })

test('what is written is read again as the same quantity', () => {
  fc.assert(
    fc.property(anyQuantity, (quantity) => {
      expect(parseQuantity(formatQuantity(quantity))).toBe(quantity)
    }),
  )
})

test('a quantity is written as the shortest decimal, without exponent or trailing zeros', () => {
  fc.assert(
    fc.property(anyQuantity, (quantity) => {
      expect(formatQuantity(quantity)).toMatch(/^(?!-0$)-?(0|[1-9]\d*)(\.\d{0,2}[1-9])?$/)
    }),
  )
})

test('a JSON number within the contract is read without rounding', () => {
  const contractual = fc.bigInt({ min: -(10n ** 15n - 1n), max: 10n ** 15n - 1n })
  fc.assert(
    fc.property(contractual, (quantity) => {
      const text = formatQuantity(quantity)
      expect(parseQuantity(JSON.parse(text))).toBe(quantity)
    }),
  )
})

test.for([
  ['0', 0n],
  ['-0', 0n],
  [-0, 0n],
  ['-0.5', -500n],
  ['2.5', 2_500n],
  ['2.50', 2_500n],
  ['0.001', 1n],
  [-6, -6_000n],
  ['999999999999999.999', maxOnHand],
] as const)('%s is read as %s thousandths', ([text, quantity]) => {
  expect(parseQuantity(text)).toBe(quantity)
})

test.for([
  ...['', ' ', ' 1', '1 ', '+1', '.5', '-.5', '1.', '1.2345', '1.2.3', '1,5', '1_000', '1n'],
  ...['1e3', '1.5e', '0x10', '0x1.5', '0b1', '0o7', '--1', '-', '1.-5', '1.+5', '1. 5', '٣'],
  ...['NaN', 'Infinity', NaN, Infinity, 1e21, 1e-7, 0.1 + 0.2],
])('%j is refused as not a quantity', (text) => {
  expect(() => parseQuantity(text)).toThrow(RangeError)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Adjustment, applyLines, levelKey, maxOnHand } from '../src/index.ts'
import { applyInChunks } from './memory-ledger.ts'

let number = 0
const adjust = (quantity: bigint, expectedOnHand?: bigint): Adjustment => {
  number += 1
  const common = { number, sku: 'A', location: 'Leeds', occurredAt: 0 }
  return { type: 'adjustment', ...common, quantity, expectedOnHand }
}

const small = fc.bigInt({ min: -2n, max: 2n })

test('a compare-and-set line applies exactly when on-hand is what its sender expected', () => {
  fc.assert(
    fc.property(small, small, small, (start, expected, quantity) => {
      const { onHand, codes } = applyInChunks([[adjust(start), adjust(quantity, expected)]])
      const equal = start === expected
      expect(codes).toEqual(equal ? [] : ['expected_on_hand_mismatch'])
      expect(onHand('A', 'Leeds')).toBe(equal ? start + quantity : start)
    }),
  )
})

test('a level that never was is expected to be zero', () => {
  expect(applyInChunks([[adjust(5n, 0n)]]).onHand('A', 'Leeds')).toBe(5n)
  expect(applyInChunks([[adjust(5n, 1n)]]).codes).toEqual(['expected_on_hand_mismatch'])
})

test('the last of the stock can be taken out, one thousandth more cannot', () => {
  expect(applyInChunks([[adjust(3n), adjust(-3n)]], 'reject').onHand('A', 'Leeds')).toBe(0n)
  const over = applyInChunks([[adjust(3n), adjust(-4n)]], 'reject')
  expect(over.codes).toEqual(['insufficient_stock'])
  expect(over.onHand('A', 'Leeds')).toBe(3n)
})

test('stock that is below zero can be added to under "reject"', () => {
  const owed = new Map([[levelKey('A', 'Leeds'), { onHand: -5n, version: 1, lastCountedAt: null }]])
  const policy = { negativeStock: 'reject', movedSince: () => 0n } as const
  const { rejections, levels } = applyLines([adjust(2n)], owed, policy)
  expect(rejections).toEqual([])
  expect(levels.get(levelKey('A', 'Leeds'))).toMatchObject({ onHand: -3n, version: 2 })
})

test.for([1n, -1n])(
  'on-hand may reach the largest the ledger holds, never pass it (%s)',
  (sign) => {
    const { codes, onHand } = applyInChunks([
      [adjust(sign * (maxOnHand - 1n)), adjust(sign), adjust(sign), adjust(-sign)],
    ])
    expect(codes).toEqual(['on_hand_out_of_range'])
    expect(onHand('A', 'Leeds')).toBe(sign * (maxOnHand - 1n))
  },
)

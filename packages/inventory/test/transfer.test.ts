import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Adjustment, maxOnHand, type Transfer } from '../src/index.ts'
import { anyLines, anyPolicy } from './arbitrary-lines.ts'
import { applyInChunks } from './memory-ledger.ts'

const stock = (location: string, quantity: bigint): Adjustment => {
  return { type: 'adjustment', number: 1, sku: 'A', location, occurredAt: 0, quantity }
}
const transfer = (quantity: bigint): Transfer => {
  const route = { location: 'Leeds', toLocation: 'Paris' }
  return { type: 'transfer', number: 2, sku: 'A', ...route, occurredAt: 0, quantity }
}

test('a transfer moves the same amount out of one location and into the other', () => {
  fc.assert(
    fc.property(anyLines, anyPolicy, (lines, policy) => {
      for (const [number, { movements }] of applyInChunks([lines], policy).endings) {
        const line = lines[number - 1]
        if (line?.type !== 'transfer' || movements.length === 0) continue
        expect(movements).toMatchObject([
          { leg: 0, location: line.location, quantity: -line.quantity },
          { leg: 1, location: line.toLocation, quantity: line.quantity },
        ])
      }
    }),
  )
})

test('transfers alone conserve what there is of each SKU', () => {
  fc.assert(
    fc.property(anyLines, anyPolicy, (lines, policy) => {
      const { levels } = applyInChunks([lines.filter((l) => l.type === 'transfer')], policy)
      const totals = new Map<string, bigint>()
      for (const [key, { onHand }] of levels) {
        const sku = key.split('\u0000')[0] as string
        totals.set(sku, (totals.get(sku) ?? 0n) + onHand)
      }
      for (const total of totals.values()) expect(total).toBe(0n)
    }),
  )
})

test('a transfer of more than there is leaves both locations as they were', () => {
  const { codes, onHand } = applyInChunks([[stock('Leeds', 3n), transfer(4n)]], 'reject')
  expect(codes).toEqual(['insufficient_stock'])
  expect([onHand('A', 'Leeds'), onHand('A', 'Paris')]).toEqual([3n, 0n])
})

test('a transfer that overfills its destination takes nothing from its origin', () => {
  const { codes, onHand } = applyInChunks([[stock('Paris', maxOnHand), transfer(1n)]])
  expect(codes).toEqual(['on_hand_out_of_range'])
  expect([onHand('A', 'Leeds'), onHand('A', 'Paris')]).toEqual([0n, maxOnHand])
})

test('a transfer that overdraws its origin adds nothing to its destination', () => {
  const { codes, onHand } = applyInChunks([[stock('Leeds', -maxOnHand), transfer(1n)]])
  expect(codes).toEqual(['on_hand_out_of_range'])
  expect([onHand('A', 'Leeds'), onHand('A', 'Paris')]).toEqual([-maxOnHand, 0n])
})

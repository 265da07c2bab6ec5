import fc from 'fast-check'
import { expect, test } from 'vitest'
import { levelKey, maxOnHand } from '../src/index.ts'
import { anyLines, anyPolicy } from './arbitrary-lines.ts'
import { applyInChunks } from './memory-ledger.ts'

test('on-hand is the sum of its movements, and its version counts them', () => {
  fc.assert(
    fc.property(anyLines, anyPolicy, (lines, policy) => {
      const { levels, movements } = applyInChunks([lines], policy)
      const sums = new Map<string, { onHand: bigint; version: number }>()
      for (const movement of movements) {
        const key = levelKey(movement.line.sku, movement.location)
        const { onHand, version } = sums.get(key) ?? { onHand: 0n, version: 0 }
        const sum = { onHand: onHand + movement.quantity, version: version + 1 }
        expect(movement).toMatchObject({ onHandAfter: sum.onHand, version: sum.version })
        sums.set(key, sum)
      }
      const now = [...levels].map(([key, { onHand, version }]) => [key, { onHand, version }])
      expect(new Map(now as [])).toEqual(sums)
    }),
  )
})

test('every line ends in its movements or in one rejection, never in both, never in neither', () => {
  fc.assert(
    fc.property(anyLines, anyPolicy, (lines, policy) => {
      const { endings } = applyInChunks([lines], policy)
      expect(endings.size).toBe(lines.length)
      for (const line of lines) {
        const { movements = [], rejections = [] } = endings.get(line.number) ?? {}
        const legs = movements.map((movement) => movement.leg)
        const whole = line.type === 'transfer' ? [0, 1] : [0]
        expect([legs, rejections.length]).toEqual(rejections.length > 0 ? [[], 1] : [whole, 0])
      }
    }),
  )
})

test('what is not listed as a changed level was not changed, and the given levels are left alone', () => {
  fc.assert(
    fc.property(anyLines, anyPolicy, (lines, policy) => {
      const half = Math.floor(lines.length / 2)
      const first = applyInChunks([lines.slice(0, half)], policy)
      const before = structuredClone(first.levels)
      applyInChunks([lines.slice(0, half), lines.slice(half)], policy)
      expect(first.levels).toEqual(before)
      const touched = new Set(first.movements.map((m) => levelKey(m.line.sku, m.location)))
      expect(new Set(first.levels.keys())).toEqual(touched)
    }),
  )
})

test('under "reject" no line but a count takes a level below zero, and none is refused under "allow"', () => {
  fc.assert(
    fc.property(anyLines, (lines) => {
      const strict = applyInChunks([lines], 'reject')
      for (const { quantity, onHandAfter, line } of strict.movements) {
        if (line.type !== 'count' && quantity < 0n) expect(onHandAfter).toBeGreaterThanOrEqual(0n)
      }
      expect(applyInChunks([lines], 'allow').codes).not.toContain('insufficient_stock')
    }),
  )
})

test('only lines that take out are rejected as insufficient_stock', () => {
  fc.assert(
    fc.property(anyLines, (lines) => {
      const { endings } = applyInChunks([lines], 'reject')
      for (const line of lines) {
        if (!endings.get(line.number)?.rejections.includes('insufficient_stock')) continue
        if (line.type === 'count' || line.type === 'sync') throw new Error('sets, takes nothing')
        const taken = line.type === 'transfer' ? line.quantity : -line.quantity
        expect(taken).toBeGreaterThan(0n)
      }
    }),
  )
})

test('a movement and the on-hand after it always fit the ledger, however large the lines are', () => {
  const quantity = fc.bigInt({ min: -maxOnHand, max: maxOnHand })
  const type = fc.constantFrom('adjustment' as const, 'count' as const)
  fc.assert(
    fc.property(fc.array(fc.record({ type, quantity }), { maxLength: 8 }), (sent) => {
      const common = { sku: 'A', location: 'Leeds', occurredAt: 0 }
      const lines = sent.map((line, index) => ({ ...common, ...line, number: index + 1 }))
      for (const { quantity, onHandAfter } of applyInChunks([lines]).movements) {
        for (const stored of [quantity, onHandAfter]) {
          expect(stored <= maxOnHand && stored >= -maxOnHand).toBe(true)
        }
      }
    }),
  )
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Line, maxOnHand } from '../src/index.ts'
import { linesWithoutTransfers } from './arbitrary-lines.ts'
import { applyInChunks } from './memory-ledger.ts'

const lineOf =
  (type: 'adjustment' | 'count') => (quantity: bigint, occurredAt: number, number: number) =>
    ({ type, number, sku: 'A', location: 'Leeds', quantity, occurredAt }) satisfies Line
const adjust = lineOf('adjustment')
const count = lineOf('count')

/** All lines in one chunk, and each in a chunk of its own: looking back must not depend on it. */
const bothWays = (lines: Line[]) => [[lines], lines.map((line) => [line])]

test('after a count on-hand is what was counted plus every movement that happened later', () => {
  const moments = fc.integer({ min: 0, max: 9 })
  const adjustments = fc.array(fc.tuple(fc.bigInt({ min: -9n, max: 9n }), moments), {
    maxLength: 12,
  })
  const counted = fc.bigInt({ min: 0n, max: 99n })
  fc.assert(
    fc.property(adjustments, counted, moments, (moved, quantity, countedAt) => {
      const lines = moved.map(([amount, at], index) => adjust(amount, at, index + 1))
      const later = moved.reduce((sum, [amount, at]) => (at > countedAt ? sum + amount : sum), 0n)
      for (const chunks of bothWays([...lines, count(quantity, countedAt, 99)])) {
        expect(applyInChunks(chunks).onHand('A', 'Leeds')).toBe(quantity + later)
      }
    }),
  )
})

test('it makes no difference whether a count finds movements in its own chunk or in earlier ones', () => {
  fc.assert(
    fc.property(linesWithoutTransfers, fc.nat(40), (lines, at) => {
      const split = applyInChunks([lines.slice(0, at), lines.slice(at)], 'reject')
      const whole = applyInChunks([lines], 'reject')
      expect(split.levels).toEqual(whole.levels)
      expect(split.endings).toEqual(whole.endings)
    }),
  )
})

describe.for([
  ['in one chunk', 0],
  ['across chunks', 1],
] as const)('%s', ([, way]) => {
  const apply = (lines: Line[]) => applyInChunks(bothWays(lines)[way] ?? [])

  test('a late count keeps the movements that happened after it', () => {
    const { onHand } = apply([adjust(10n, 1, 1), adjust(-3n, 5, 2), count(8n, 3, 3)])
    expect(onHand('A', 'Leeds')).toBe(5n)
  })

  test('a movement at the very moment of the count is part of what was counted', () => {
    const { onHand } = apply([adjust(10n, 1, 1), adjust(-3n, 5, 2), count(8n, 5, 3)])
    expect(onHand('A', 'Leeds')).toBe(8n)
  })

  test('a count older than the last one is rejected as stale', () => {
    const { codes, onHand } = apply([count(8n, 5, 1), count(3n, 4, 2)])
    expect([codes, onHand('A', 'Leeds')]).toEqual([['stale_count'], 8n])
  })

  test('a count older than the last one is stale whatever was moved in between', () => {
    const { codes, onHand } = apply([count(8n, 5, 1), adjust(1n, 9, 2), count(3n, 4, 3)])
    expect([codes, onHand('A', 'Leeds')]).toEqual([['stale_count'], 9n])
  })

  test('a second count of the same moment is accepted and wins', () => {
    const { codes, onHand } = apply([count(8n, 5, 1), count(3n, 5, 2)])
    expect([codes, onHand('A', 'Leeds')]).toEqual([[], 3n])
  })

  test('a count of the first moment of the epoch makes older ones stale', () => {
    expect(apply([count(8n, 0, 1), count(3n, -1, 2)]).codes).toEqual(['stale_count'])
  })

  test('an adjustment after a count does not make the next count stale', () => {
    const { codes, onHand } = apply([count(8n, 5, 1), adjust(1n, 9, 2), count(3n, 6, 3)])
    expect([codes, onHand('A', 'Leeds')]).toEqual([[], 4n])
  })

  test('a rejected count leaves the last accepted one in force', () => {
    const lines = [count(8n, 5, 1), count(3n, 2, 2), count(4n, 3, 3), count(6n, 5, 4)]
    const { codes, onHand } = apply(lines)
    expect([codes, onHand('A', 'Leeds')]).toEqual([['stale_count', 'stale_count'], 6n])
  })

  test('a count that finds nothing changed is still a movement, of zero', () => {
    const { movements } = apply([adjust(4n, 1, 1), count(4n, 2, 2)])
    expect(movements.at(-1)).toMatchObject({ quantity: 0n, onHandAfter: 4n, version: 2 })
  })

  test('a count that the ledger cannot hold is rejected, not applied in part', () => {
    const { codes, onHand } = apply([adjust(maxOnHand, 5, 1), count(1n, 3, 2)])
    expect([codes, onHand('A', 'Leeds')]).toEqual([['on_hand_out_of_range'], maxOnHand])
  })
})

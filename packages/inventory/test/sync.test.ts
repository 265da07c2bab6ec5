import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applyLines, type Line, levelKey, type Reading, type Sync } from '../src/index.ts'
import { applyInChunks } from './memory-ledger.ts'

const common = { sku: 'A', location: 'Leeds' }
const reading = (onHand: bigint | null, asOf: number, more: Partial<Reading> = {}): Reading => ({
  source: 'primary',
  asOf,
  failoverCode: undefined,
  onHand,
  stale: false,
  ...more,
})
const sync = (number: number, read: Reading): Sync => ({
  type: 'sync',
  number,
  ...common,
  occurredAt: read.asOf,
  reading: read,
})
const adjust = (number: number, quantity: bigint, occurredAt: number): Line => ({
  type: 'adjustment',
  number,
  ...common,
  quantity,
  occurredAt,
})

const moment = fc.integer({ min: 0, max: 20 })
const small = fc.bigInt({ min: -5_000n, max: 5_000n })

test('the ledger has what the source said at its moment, and keeps what moved after it, in one chunk or in many', () => {
  const moves = fc.array(fc.tuple(small, moment), { maxLength: 12 })
  fc.assert(
    fc.property(moves, moves, small, moment, fc.boolean(), (before, after, onHand, asOf, apart) => {
      let number = 0
      const lines: Line[] = [
        ...before.map(([quantity, at]) => adjust(++number, quantity, at)),
        sync(++number, reading(onHand, asOf)),
        ...after.map(([quantity, at]) => adjust(++number, quantity, at)),
      ]
      const chunks = apart ? lines.map((line) => [line]) : [lines]
      const keptBefore = before.filter(([, at]) => at > asOf)
      const kept = [...keptBefore, ...after].reduce((sum, [quantity]) => sum + quantity, 0n)
      expect(applyInChunks(chunks).onHand('A', 'Leeds')).toBe(onHand + kept)
    }),
  )
})

test('a reading that is too old holds its line, and changes nothing', () => {
  const before = new Map([
    [levelKey('A', 'Leeds'), { onHand: 7n, version: 1, lastCountedAt: null }],
  ])
  const policy = { negativeStock: 'reject', movedSince: () => 0n } as const
  const stale = sync(1, reading(9n, 5, { stale: true, source: 'backup' }))
  const { holds, movements, rejections, levels } = applyLines([stale], before, policy)
  expect(holds).toMatchObject([{ line: { number: 1 }, code: 'stale_source' }])
  expect([movements, rejections, [...levels]]).toEqual([[], [], []])
})

test('a level that the source does not know is rejected, and one older than the last count too', () => {
  expect(applyInChunks([[sync(1, reading(null, 5))]]).codes).toEqual(['unknown_at_source'])
  const count: Line = { type: 'count', number: 1, ...common, quantity: 3n, occurredAt: 9 }
  const { codes, onHand } = applyInChunks([[count, sync(2, reading(8n, 5))]])
  expect(codes).toEqual(['stale_count'])
  expect(onHand('A', 'Leeds')).toBe(3n)
})

test('a sync of what agrees is a movement of zero: it says that it was looked at', () => {
  const { movements } = applyInChunks([[adjust(1, 4n, 1), sync(2, reading(4n, 5))]])
  expect(movements.map(({ quantity, version }) => [quantity, version])).toEqual([
    [4n, 1],
    [0n, 2],
  ])
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { levelKey, planChunks, planQueues } from '../src/index.ts'

const place = fc.constantFrom('Leeds', 'Paris', 'Rome')
const anyLine = fc.record({
  type: fc.constantFrom('adjustment', 'adjustment', 'count', 'transfer', 'sync'),
  sku: fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F'),
  location: place,
  toLocation: place,
})
type Placed = { type: string; sku: string; location: string; toLocation: string }
const anyLines = fc.array(anyLine, { maxLength: 40 })
const maxLines = fc.integer({ min: 1, max: 12 })

const levelsOf = (line: Placed) =>
  [line.location, ...(line.type === 'transfer' ? [line.toLocation] : [])].map((location) =>
    levelKey(line.sku, location),
  )
const pick = (lines: Placed[], indexes: number[]) =>
  indexes.map((index) => ({ index, line: lines[index] as Placed }))

test('every line is in exactly one chunk, and none is empty', () => {
  fc.assert(
    fc.property(anyLines, maxLines, fc.boolean(), (lines, max, verify) => {
      const planned = planQueues(lines, max, verify)
      const indexes = planned.flatMap((chunk) => chunk.indexes)
      expect(indexes.sort((a, b) => a - b)).toEqual(lines.map((_, index) => index))
      if (lines.length > 0) {
        for (const chunk of planned) expect(chunk.indexes.length).toBeGreaterThan(0)
      }
    }),
  )
})

test('the SKUs that are synced are in chunks for the source, all others in chunks for the ledger', () => {
  fc.assert(
    fc.property(anyLines, maxLines, (lines, max) => {
      const synced = new Set<string>(lines.filter((it) => it.type === 'sync').map((it) => it.sku))
      for (const { queue, indexes } of planQueues(lines, max)) {
        for (const { line } of pick(lines, indexes)) {
          expect(synced.has(line.sku)).toBe(queue === 'sync')
        }
      }
    }),
  )
})

test('lines of a level share a chunk and keep the order sent, the two ends of a transfer too', () => {
  fc.assert(
    fc.property(anyLines, maxLines, fc.boolean(), (lines, max, verify) => {
      const chunkOf = new Map<string, number>()
      for (const [chunk, { indexes }] of planQueues(lines, max, verify).entries()) {
        const last = new Map<string, number>()
        for (const { index, line } of pick(lines, indexes)) {
          for (const key of levelsOf(line)) {
            expect(chunkOf.get(key) ?? chunk).toBe(chunk)
            chunkOf.set(key, chunk)
            expect(index).toBeGreaterThanOrEqual(last.get(key) ?? 0)
            last.set(key, index)
          }
        }
      }
    }),
  )
})

test('a batch that is verified needs the source for all its chunks, one without syncs for none', () => {
  fc.assert(
    fc.property(anyLines, maxLines, (lines, max) => {
      const unsynced = lines.filter((it) => it.type !== 'sync')
      const plans = [
        { queue: 'sync', own: lines, planned: planQueues(lines, max, true) },
        { queue: 'apply', own: unsynced, planned: planQueues(unsynced, max) },
      ]
      for (const { queue, own, planned } of plans) {
        expect(planned).toEqual(planChunks(own, max).map((indexes) => ({ indexes, queue })))
      }
    }),
  )
})

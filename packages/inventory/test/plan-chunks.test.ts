import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Line, levelKey, planChunks } from '../src/index.ts'
import { anyLines, anyPolicy, linesWithoutTransfers } from './arbitrary-lines.ts'
import { applyInChunks } from './memory-ledger.ts'

const maxLines = fc.integer({ min: 1, max: 12 })
const pick = (lines: Line[], indexes: number[]) => indexes.map((index) => lines[index] as Line)
const levelsOf = (line: Line) =>
  [line.location, ...(line.type === 'transfer' ? [line.toLocation] : [])].map((location) =>
    levelKey(line.sku, location),
  )

test('chunks applied in any order end every line and level as one by one in the order sent', () => {
  const priorities = fc.array(fc.nat(), { minLength: 40, maxLength: 40 })
  fc.assert(
    fc.property(anyLines, maxLines, anyPolicy, priorities, (lines, max, policy, priority) => {
      const order = (chunk: number[]) => priority[chunk[0] ?? 0] ?? 0
      const chunks = planChunks(lines, max).sort((a, b) => order(a) - order(b))
      const oneByOne = lines.map((line) => [line])
      const expected = applyInChunks(oneByOne, policy)
      const planned = chunks.map((indexes) => pick(lines, indexes))
      const actual = applyInChunks(planned, policy)
      expect(actual.levels).toEqual(expected.levels)
      expect(actual.endings).toEqual(expected.endings)
    }),
    { numRuns: 300 },
  )
})

test('every line is in exactly one chunk', () => {
  fc.assert(
    fc.property(anyLines, maxLines, (lines, max) => {
      const planned = planChunks(lines, max).flat()
      expect(planned.sort((a, b) => a - b)).toEqual(lines.map((_, index) => index))
    }),
  )
})

test('no level is touched by two chunks, not even by the two ends of transfers', () => {
  fc.assert(
    fc.property(anyLines, maxLines, (lines, max) => {
      const chunkOf = new Map<string, number>()
      planChunks(lines, max).forEach((indexes, chunk) => {
        for (const key of pick(lines, indexes).flatMap(levelsOf)) {
          expect(chunkOf.get(key) ?? chunk).toBe(chunk)
          chunkOf.set(key, chunk)
        }
      })
    }),
  )
})

test('a SKU with a transfer stays together', () => {
  fc.assert(
    fc.property(anyLines, maxLines, (lines, max) => {
      const chunks = planChunks(lines, max).map((indexes) => pick(lines, indexes))
      for (const { sku } of lines.filter((line) => line.type === 'transfer')) {
        expect(chunks.filter((chunk) => chunk.some((line) => line.sku === sku))).toHaveLength(1)
      }
    }),
  )
})

test('lines of a level keep the order sent', () => {
  fc.assert(
    fc.property(anyLines, maxLines, (lines, max) => {
      for (const indexes of planChunks(lines, max)) {
        const last = new Map<string, number>()
        for (const index of indexes) {
          for (const key of levelsOf(lines[index] as Line)) {
            expect(index).toBeGreaterThan(last.get(key) ?? -1)
            last.set(key, index)
          }
        }
      }
    }),
  )
})

test('a chunk is larger than allowed only when one level alone is', () => {
  fc.assert(
    fc.property(linesWithoutTransfers, maxLines, (lines, max) => {
      for (const chunk of planChunks(lines, max).map((indexes) => pick(lines, indexes))) {
        const levels = new Set(chunk.flatMap(levelsOf))
        if (chunk.length > max) expect(levels.size).toBe(1)
      }
    }),
  )
})

test('a chunk is closed only when the next level would not fit, so that there are few', () => {
  fc.assert(
    fc.property(linesWithoutTransfers, maxLines, (lines, max) => {
      const chunks = planChunks(lines, max).map((indexes) => pick(lines, indexes))
      chunks.forEach((chunk, index) => {
        const next = chunks[index + 1]
        if (!next) return
        const [first] = next.flatMap(levelsOf)
        const firstGroup = next.filter((line) => levelsOf(line)[0] === first)
        expect(chunk.length + firstGroup.length).toBeGreaterThan(max)
      })
    }),
  )
})

test('lines that fit one chunk are one chunk, in the order sent', () => {
  const lines = ['A', 'B', 'A'].map((sku) => ({ type: 'adjustment', sku, location: 'Leeds' }))
  expect(planChunks(lines, 3)).toEqual([[0, 1, 2]])
  expect(planChunks(lines, 2)).toEqual([[0, 2], [1]])
})

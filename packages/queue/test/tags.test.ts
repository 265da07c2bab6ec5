import fc from 'fast-check'
import { expect, test } from 'vitest'
import { highestTag, positionOf, shiftedTag, tagAt } from '../src/tags.ts'

const weight = fc.integer({ min: 1, max: 1_000 })
const lines = fc.integer({ min: 0, max: 10_000_000 })

test('a tag is always one that the queue takes, however long the backlog', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: highestTag }),
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      weight,
      (virtualTime, linesAhead, weight) => {
        const tag = tagAt(positionOf({ virtualTime, linesAhead, weight }))
        expect(tag).toBeGreaterThanOrEqual(1)
        expect(tag).toBeLessThanOrEqual(highestTag)
        expect(Number.isInteger(tag)).toBe(true)
      },
    ),
  )
})

test('a tenant without a backlog is next, whatever waits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: highestTag }), weight, (virtualTime, weight) => {
      expect(tagAt(positionOf({ virtualTime, linesAhead: 0, weight }))).toBe(virtualTime)
    }),
  )
})

test('more lines ahead are never an earlier turn, more weight never a later one', () => {
  fc.assert(
    fc.property(lines, lines, weight, weight, (a, b, light, heavy) => {
      const tag = (linesAhead: number, of: number) =>
        tagAt(positionOf({ virtualTime: 7, linesAhead, weight: of }))
      expect(tag(Math.min(a, b), light)).toBeLessThanOrEqual(tag(Math.max(a, b), light))
      expect(tag(a, Math.max(light, heavy))).toBeLessThanOrEqual(tag(a, Math.min(light, heavy)))
    }),
  )
})

test('shifting tags down keeps their order', () => {
  const tag = fc.integer({ min: 1, max: highestTag })
  fc.assert(
    fc.property(tag, tag, tag, (a, b, virtualTime) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)]
      expect(shiftedTag(low, virtualTime)).toBeLessThanOrEqual(shiftedTag(high, virtualTime))
      expect(shiftedTag(Math.max(virtualTime, a), virtualTime)).toBeGreaterThanOrEqual(1)
    }),
  )
})

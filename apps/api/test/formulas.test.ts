import fc from 'fast-check'
import { expect, test } from 'vitest'
import { neutralised, restored } from '../uploads/formulas.ts'

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', '-1'],
  ['-1.5', '-1.5'],
  ['-1+1', "'-1+1"],
  ['@a', "'@a"],
  ['\ta', "'\ta"],
  ['\ra', "'\ra"],
  ["'=a", "''=a"],
  ["it's", "it's"],
  ['a=1', 'a=1'],
])('%j is written as %j', (cell, written) => {
  expect(neutralised(cell)).toBe(written)
  expect(restored(written)).toBe(cell)
})

test('whatever a cell holds comes back, and none that is written is a formula', () => {
  const cell = fc.string({
    unit: fc.constantFrom("'", '=', '+', '-', '@', '\t', '\r', '1', '.', 'a'),
  })
  fc.assert(
    fc.property(cell, (text) => {
      const written = neutralised(text)
      expect(restored(written)).toBe(text)
      expect(/^[=+@\t\r]/.test(written)).toBe(false)
    }),
  )
})

import { expect, test } from 'vitest'
import { submitBatch } from '../src/index.ts'
import { exampleBatch, exampleTransfer, withLine } from './example-batch.ts'
import { refusals } from './refusals.ts'

test.for([
  ['sku', 64],
  ['location', 64],
  ['toLocation', 64],
  ['reason', 64],
  ['reference', 128],
] as const)('%s is 1 to %i characters, counted as code points', ([field, max]) => {
  const given = (value: string) =>
    refusals(submitBatch, withLine({ [field]: value }, exampleTransfer))
  const path = [`/lines/0/${field}`]
  expect(given('x')).toEqual([])
  expect(given('x'.repeat(max))).toEqual([])
  expect(given('📦'.repeat(max))).toEqual([])
  expect(given('')).toEqual(path)
  expect(given('x'.repeat(max + 1))).toEqual(path)
  expect(given('📦'.repeat(max + 1))).toEqual(path)
})

const refused = [
  ['a NUL', 'a\u0000b'],
  ['a line feed', 'a\nb'],
  ['a carriage return', 'a\rb'],
  ['a tab', 'a\tb'],
  ['an escape', 'a\u001bb'],
  ['a C1 control character', 'a\u0085b'],
  ['a lone high surrogate', 'a\ud800b'],
  ['a lone low surrogate', 'a\udc00b'],
  ['surrogates the wrong way round', '\udc00\ud800'],
  ['a blank in front', ' a'],
  ['a blank behind', 'a '],
  ['a line feed behind', 'a\n'],
  ['a no-break space behind', 'a\u00a0'],
  ['nothing but a blank', ' '],
  ['a number', 85123],
  ['null', null],
] as const

test.for(refused)('%s is refused in every name', ([, value]) => {
  for (const field of ['sku', 'location', 'toLocation', 'reason', 'reference']) {
    expect(refusals(submitBatch, withLine({ [field]: value }, exampleTransfer))).toEqual([
      `/lines/0/${field}`,
    ])
  }
  expect(refusals(submitBatch, { ...exampleBatch, reference: value })).toEqual(['/reference'])
})

test.for(['85123A', 'United Kingdom', 'Zürich', '東京', '📦', '=1+1', 'a/b;c', '__proto__'])(
  '%s is a name, kept as sent',
  (sku) => {
    expect(submitBatch.parse(withLine({ sku })).lines[0]).toHaveProperty('sku', sku)
  },
)

test('names are never folded: composed and decomposed stay apart', () => {
  for (const sku of ['\u00fc', 'u\u0308']) {
    expect(submitBatch.parse(withLine({ sku })).lines[0]).toHaveProperty('sku', sku)
  }
})

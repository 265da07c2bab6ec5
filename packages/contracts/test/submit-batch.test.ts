import { expect, test } from 'vitest'
import { maxBatchLines, submitBatch } from '../src/index.ts'
import {
  exampleBatch,
  exampleCount,
  exampleLine,
  exampleTransfer,
  withLine,
} from './example-batch.ts'
import { refusals } from './refusals.ts'

const lines = (count: number) => ({ lines: Array.from({ length: count }, () => exampleLine) })

test("the design's example is accepted as it is", () => {
  expect(submitBatch.parse(exampleBatch)).toEqual({
    ...exampleBatch,
    priority: 'normal',
    verify: false,
  })
})

test('a batch that says nothing is applied, and refuses negative stock', () => {
  expect(submitBatch.parse(lines(1))).toMatchObject({ mode: 'apply', negativeStock: 'reject' })
})

test.for(['low', 'normal', 'high'])('a batch may be of priority %s', (priority) => {
  expect(submitBatch.parse({ ...exampleBatch, priority })).toMatchObject({ priority })
})

test.for([1, 'urgent', null])('priority %s is refused', (priority) => {
  expect(refusals(submitBatch, { ...exampleBatch, priority })).toEqual(['/priority'])
})

test('a batch may be scheduled up to 90 days ahead, and sent again when that has passed', () => {
  const notBefore = (days: number) => ({
    ...exampleBatch,
    notBefore: new Date(Date.now() + days * 86_400_000).toISOString(),
  })
  for (const days of [-1_000, -1, 0, 1, 89.99]) {
    expect(refusals(submitBatch, notBefore(days))).toEqual([])
  }
  for (const days of [90.01, 1_000]) {
    expect(refusals(submitBatch, notBefore(days))).toEqual(['/notBefore'])
  }
  const withoutZone = { ...exampleBatch, notBefore: '2030-01-01T06:00:00' }
  expect(refusals(submitBatch, withoutZone)).toEqual(['/notBefore'])
})

test.for([exampleLine, exampleCount, exampleTransfer])(
  'a line of type $type is accepted',
  (line) => {
    expect(submitBatch.parse({ lines: [line] }).lines).toEqual([line])
  },
)

test('a batch has from 1 to 10,000 lines', () => {
  expect(refusals(submitBatch, lines(0))).toEqual(['/lines'])
  expect(refusals(submitBatch, lines(1))).toEqual([])
  expect(maxBatchLines).toBe(10_000)
  expect(refusals(submitBatch, lines(10_000))).toEqual([])
  expect(refusals(submitBatch, lines(10_001))).toEqual(['/lines'])
})

test.for([
  ['on the batch', { ...exampleBatch, colour: 'red' }, '/colour'],
  ['on an adjustment', withLine({ colour: 'red' }), '/lines/0/colour'],
  [
    'on a count',
    withLine({ observedAt: '2010-12-01T08:26:00Z' }, exampleCount),
    '/lines/0/observedAt',
  ],
  ['on a transfer', withLine({ expectedOnHand: 1 }, exampleTransfer), '/lines/0/expectedOnHand'],
  ['named constructor', withLine({ constructor: 1 }), '/lines/0/constructor'],
] as const)('an unknown field %s is refused by its path', ([, body, path]) => {
  expect(refusals(submitBatch, body)).toEqual([path])
})

test('a field named __proto__ is refused, and pollutes nothing', () => {
  const polluted = JSON.stringify(exampleBatch).replace('{', '{"__proto__":{"mode":"apply"},')
  expect(refusals(submitBatch, JSON.parse(polluted))).toEqual(['/__proto__'])
  expect(Object.prototype).not.toHaveProperty('mode')
})

test.for([
  ['no lines at all', { reference: 'x' }, '/lines'],
  ['lines that are no list', { lines: exampleLine }, '/lines'],
  ['a line that is no object', { lines: [exampleLine, 'x'] }, '/lines/1'],
  ['a line of an unknown type', withLine({ type: 'sale' }), '/lines/0/type'],
  ['a line without a type', withLine({ type: undefined }), '/lines/0/type'],
  ['an unknown mode', { ...exampleBatch, mode: 'dry-run' }, '/mode'],
  ['an unknown policy', { ...exampleBatch, negativeStock: 'maybe' }, '/negativeStock'],
  [
    'a count without its moment',
    withLine({ countedAt: undefined }, exampleCount),
    '/lines/0/countedAt',
  ],
  [
    'a transfer to nowhere',
    withLine({ toLocation: undefined }, exampleTransfer),
    '/lines/0/toLocation',
  ],
  [
    'a transfer to where it is',
    withLine({ toLocation: 'Leeds' }, exampleTransfer),
    '/lines/0/toLocation',
  ],
  ['a body that is a list', [exampleBatch], ''],
  ['a body that is null', null, ''],
] as const)('%s is refused by its path', ([, body, path]) => {
  expect(refusals(submitBatch, body)).toEqual([path])
})

test('every wrong line is named, not only the first', () => {
  const body = { lines: [withLine({ sku: '' }), exampleBatch, withLine({ quantity: 'x' })] }
  const sent = { lines: body.lines.flatMap((batch) => batch.lines) }
  expect(refusals(submitBatch, sent)).toEqual(['/lines/0/sku', '/lines/2/quantity'])
})

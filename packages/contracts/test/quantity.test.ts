import { expect, test } from 'vitest'
import { submitBatch } from '../src/index.ts'
import { exampleCount, exampleTransfer, withLine } from './example-batch.ts'
import { refusals } from './refusals.ts'

test.for([
  ...[0, -6, 2.5, 0.001, -0.001, 1e3, 999_999_999_999.999, -999_999_999_999.999],
  ...['0', '-0', '-6', '2.5', '2.500', '0.001', '999999999999.999', '-999999999999.999'],
])('%j is a quantity, kept as sent', (quantity) => {
  expect(submitBatch.parse(withLine({ quantity })).lines[0]).toHaveProperty('quantity', quantity)
})

test.for([
  ['four places', 0.0001],
  ['four places in a string', '1.0000'],
  ['a float sum that is not exact', 0.1 + 0.2],
  ['an exponent', '1e3'],
  ['a number so large that it needs an exponent', 1e21],
  ['a number so small that it needs an exponent', 1e-7],
  ['13 digits before the point', 1_000_000_000_000],
  ['13 digits before the point in a string', '1000000000000'],
  ['a million digits', '9'.repeat(1_000_000)],
  ['a million places', `0.${'1'.repeat(1_000_000)}`],
  ['NaN', NaN],
  ['NaN in a string', 'NaN'],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['Infinity in a string', 'Infinity'],
  ['a number that JSON reads as Infinity', JSON.parse('1e999')],
  ['a leading zero', '01'],
  ['a leading plus', '+1'],
  ['a leading point', '.5'],
  ['a trailing point', '1.'],
  ['two signs', '--1'],
  ['a hexadecimal number', '0x10'],
  ['a decimal comma', '1,5'],
  ['an underscore', '1_000'],
  ['digits of another script', '٣'],
  ['blanks around', ' 1 '],
  ['a line break after', '1\n'],
  ['nothing', ''],
  ['null', null],
  ['a truth value', true],
  ['a list', [1]],
  ['an object', { value: 1 }],
  ['its absence', undefined],
] as const)('%s is refused as a quantity', ([, quantity]) => {
  expect(refusals(submitBatch, withLine({ quantity }))).toEqual(['/lines/0/quantity'])
  expect(refusals(submitBatch, withLine({ quantity }, exampleCount))).toEqual(['/lines/0/quantity'])
})

test.for([exampleCount, exampleTransfer])('a $type is never below zero', (line) => {
  for (const quantity of [-1, '-0.001']) {
    expect(refusals(submitBatch, withLine({ quantity }, line))).toEqual(['/lines/0/quantity'])
  }
  expect(refusals(submitBatch, withLine({ quantity: 0 }, line))).toEqual([])
})

test('what a sender expects on hand may be below zero, and is held to the same form', () => {
  expect(refusals(submitBatch, withLine({ expectedOnHand: '-2.5' }))).toEqual([])
  expect(refusals(submitBatch, withLine({ expectedOnHand: '1e3' }))).toEqual([
    '/lines/0/expectedOnHand',
  ])
})

import { levelKey } from '@inventoryrpa/inventory'
import { expect, test } from 'vitest'
import { SourceFailure } from '../src/failure.ts'
import { parseAnswer } from '../src/parse-answer.ts'

const asOf = '2026-11-24T10:00:00Z'
const asked = new Set([levelKey('a', 'x'), levelKey('b', 'x')])
const a = { sku: 'a', location: 'x', onHand: '1.5' }
const b = { sku: 'b', location: 'x', onHand: null }

const failureOf = (text: string) => {
  try {
    parseAnswer(text, asked)
  } catch (error) {
    if (error instanceof SourceFailure) return error.failure
    throw error
  }
  return undefined
}

test('levels are exact thousandths, null where the source does not know', () => {
  const { levels } = parseAnswer(JSON.stringify({ asOf, items: [b, a] }), asked)
  expect(levels.get(levelKey('a', 'x'))?.onHand).toBe(1500n)
  expect(levels.get(levelKey('b', 'x'))?.onHand).toBeNull()
})

test('a level holds for its own moment, else for the answer’s', () => {
  const own = { ...b, asOf: '2026-11-24T11:00:00+02:00' }
  const { levels, asOf: whole } = parseAnswer(JSON.stringify({ asOf, items: [a, own] }), asked)
  expect(whole).toEqual(new Date(asOf))
  expect(levels.get(levelKey('a', 'x'))?.asOf).toEqual(new Date(asOf))
  expect(levels.get(levelKey('b', 'x'))?.asOf).toEqual(new Date('2026-11-24T09:00:00Z'))
})

test.for([0.1, '0.100', -3, 12, '-0.001', 999_999_999_999.999])('%j is a quantity', (onHand) => {
  expect(failureOf(JSON.stringify({ asOf, items: [{ ...a, onHand }, b] }))).toBeUndefined()
})

test.for([
  1.2345,
  '1.2345',
  '1e3',
  1e12,
  '',
  ' 1',
  '+1',
  '٣',
  '01',
  'NaN',
  true,
  {},
  [1],
  '1'.repeat(100_000),
])('%j is none', (onHand) => {
  expect(failureOf(JSON.stringify({ asOf, items: [{ ...a, onHand }, b] }))).toMatchObject({
    code: 'wrong_schema',
    detail: expect.stringContaining('items.0.onHand'),
  })
})

const soon = (ms: number) => new Date(Date.now() + ms).toISOString()

test.for([
  ['nothing', ''],
  ['half an answer', '{"asOf": "2026-11-24T10:00:00Z", "items": ['],
  ['a page', '<html></html>'],
  ['depth without end', '['.repeat(1_000_000)],
])('%s is no JSON', ([, text]) => {
  expect(failureOf(text as string)).toMatchObject({ code: 'invalid_response' })
})

test.for([
  ['null', null],
  ['a list', [a, b]],
  ['no asOf', { items: [a, b] }],
  ['no zone', { asOf: '2026-11-24T10:00:00', items: [a, b] }],
  ['a moment that does not exist', { asOf: '2026-02-30T10:00:00Z', items: [a, b] }],
  ['a moment to come', { asOf: soon(6 * 60_000), items: [a, b] }],
  ['a level of a moment to come', { asOf, items: [a, { ...b, asOf: soon(6 * 60_000) }] }],
  ['no items', { asOf }],
  ['a level left out', { asOf, items: [a] }],
  ['a level twice', { asOf, items: [a, a] }],
  ['a level twice and all', { asOf, items: [a, b, a] }],
  ['a level not asked for', { asOf, items: [a, { ...b, sku: 'c' }] }],
  ['another case', { asOf, items: [a, { ...b, sku: 'B' }] }],
  ['no onHand', { asOf, items: [a, { sku: 'b', location: 'x' }] }],
  ['a list as item', { asOf, items: [a, []] }],
  ['very many items', { asOf, items: Array(50_000).fill(a) }],
])('%s breaks the contract', ([, answer]) => {
  expect(failureOf(JSON.stringify(answer))).toMatchObject({ code: 'wrong_schema' })
})

test('a clock that is ahead by less than five minutes is believed', () => {
  expect(failureOf(JSON.stringify({ asOf: soon(4 * 60_000), items: [a, b] }))).toBeUndefined()
})

test('what the source says more is ignored, and no prototype is touched', () => {
  const text = `{"asOf": "${asOf}", "next": 1, "__proto__": {"polluted": 1}, "items": [
    {"sku": "a", "location": "x", "onHand": 1, "bin": 7, "__proto__": {"polluted": 1}},
    {"sku": "b", "location": "x", "onHand": 2, "constructor": {"prototype": {"polluted": 1}}}]}`
  expect(failureOf(text)).toBeUndefined()
  expect({}).not.toHaveProperty('polluted')
})

test('no text of the source is in a failure', () => {
  const canary = 'canary\r\nforged'
  for (const answer of [
    canary,
    { asOf: canary, items: [] },
    { asOf, items: canary },
    { asOf, items: [canary, canary] },
    { asOf, items: [{ ...a, onHand: canary }, b] },
    { asOf, items: [{ ...a, sku: canary }, b] },
    { asOf, items: [{ ...a, location: { [canary]: canary } }, b] },
    { asOf, items: [{ ...a, asOf: canary }, b] },
  ]) {
    const { detail } = failureOf(JSON.stringify(answer)) ?? {}
    expect(detail).toMatch(/^[\x20-\x7e]{1,300}$/)
    expect(detail).not.toContain('canary')
  }
})

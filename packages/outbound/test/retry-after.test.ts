import { expect, test } from 'vitest'
import { retryAfterMs } from '../src/retry-after.ts'

const now = Date.parse('2026-11-24T10:00:00Z')
const date = 'Tue, 24 Nov 2026 10:00:00 GMT'

test.for([
  ['seconds', '3', 3_000],
  ['no time', '0', 0],
  ['a date', 'Tue, 24 Nov 2026 10:00:05 GMT', 5_000],
  ['a date that is over', 'Tue, 24 Nov 2026 09:00:00 GMT', 0],
  ['more than is granted', '86400', 60_000],
  ['a number without end', '9'.repeat(400), 60_000],
  ['a date far away', 'Fri, 31 Dec 9999 23:59:59 GMT', 60_000],
] as const)('%s, %j, is %d ms', ([, header, expected]) => {
  expect(retryAfterMs(header, undefined, { maxMs: 60_000, now })).toBe(expected)
})

test.for([undefined, '', 'soon', '-5', '1.5', '2026-11-24', 'NaN', 'Infinity', ' GMT'])(
  '%j says nothing',
  (header) => {
    expect(retryAfterMs(header, undefined, { maxMs: 60_000, now })).toBeUndefined()
  },
)

test('a date counts from the source’s own clock, however wrong that is', () => {
  const yesterday = 'Mon, 23 Nov 2026 10:00:00 GMT'
  expect(retryAfterMs('Mon, 23 Nov 2026 10:00:05 GMT', yesterday, { maxMs: 60_000, now })).toBe(
    5_000,
  )
  expect(retryAfterMs('Tue, 24 Nov 2026 10:00:05 GMT', 'no date', { maxMs: 60_000, now })).toBe(
    5_000,
  )
  expect(retryAfterMs('Tue, 24 Nov 2026 10:00:05 GMT', date, { maxMs: 60_000, now })).toBe(5_000)
})

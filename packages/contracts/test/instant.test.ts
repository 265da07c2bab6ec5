import { expect, test } from 'vitest'
import { submitBatch } from '../src/index.ts'
import { exampleCount, exampleTransfer, withLine } from './example-batch.ts'
import { refusals } from './refusals.ts'

const ahead = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()

/** The same moment as a clock at this offset from UTC reads it. */
const at = (offsetMinutes: number, minutesAhead: number) => {
  const local = new Date(Date.now() + (minutesAhead + offsetMinutes) * 60_000).toISOString()
  const magnitude = Math.abs(offsetMinutes)
  const part = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const sign = offsetMinutes < 0 ? '-' : '+'
  return local.replace('Z', `${sign}${part(magnitude / 60)}:${part(magnitude % 60)}`)
}

const countedAt = (value: unknown) =>
  refusals(submitBatch, withLine({ countedAt: value }, exampleCount))

test.for([
  '2010-12-01T08:26:00Z',
  '2010-12-01T08:26:00.123Z',
  '2010-12-01T08:26:00.123456789Z',
  '2010-12-01T08:26:00+05:30',
  '2010-12-01T08:26:00-11:00',
  '2024-02-29T12:00:00Z',
  '2000-02-29T12:00:00Z',
  '1970-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
])('%s is an instant, kept as sent', (value) => {
  const [line] = submitBatch.parse(withLine({ countedAt: value }, exampleCount)).lines
  expect(line).toHaveProperty('countedAt', value)
})

test.for([
  '2023-02-29T12:00:00Z',
  '1900-02-29T12:00:00Z',
  '2010-02-30T12:00:00Z',
  '2010-13-01T12:00:00Z',
  '2010-12-01T24:00:00Z',
  '2010-12-01T12:60:00Z',
  '2010-12-01T12:00:61Z',
  '2010-12-01T12:00:00',
  '2010-12-01T12:00:00+25:00',
  '2010-12-01 12:00:00Z',
  '2010-12-01',
  '+012010-12-01T12:00:00Z',
  '-002010-12-01T12:00:00Z',
  ' 2010-12-01T12:00:00Z',
  '2010-12-01T12:00:00Z\n',
  'yesterday',
  '',
  1291191960,
  null,
  undefined,
])('%j is refused as an instant', (value) => {
  expect(countedAt(value)).toEqual(['/lines/0/countedAt'])
})

test('an instant 4 minutes ahead is a clock that runs fast, 6 minutes ahead is the future', () => {
  expect(countedAt(ahead(4))).toEqual([])
  expect(countedAt(ahead(6))).toEqual(['/lines/0/countedAt'])
  expect(countedAt('9999-12-31T23:59:59Z')).toEqual(['/lines/0/countedAt'])
})

test.for([14 * 60, -12 * 60, 5 * 60 + 30, 23 * 60 + 59, -(23 * 60 + 59)])(
  'an offset of %i minutes moves no instant over the limit',
  (offset) => {
    expect(countedAt(at(offset, 4))).toEqual([])
    expect(countedAt(at(offset, 6))).toEqual(['/lines/0/countedAt'])
  },
)

test('what was observed is held to the same limit', () => {
  const given = (line: object, observedAt: string) =>
    refusals(submitBatch, withLine({ observedAt }, line))
  for (const line of [withLine({}).lines[0] as object, exampleTransfer]) {
    expect(given(line, ahead(4))).toEqual([])
    expect(given(line, ahead(6))).toEqual(['/lines/0/observedAt'])
  }
})

test('no instant lies before the years that PostgreSQL shares with this machine', () => {
  for (const value of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+23:59']) {
    expect(countedAt(value)).toEqual(['/lines/0/countedAt'])
  }
  expect(countedAt('0002-01-01T00:00:00+23:59')).toEqual([])
})

import { expect, test } from 'vitest'
import { createInstantReader } from '../uploads/read-instant.ts'

test.each([
  ['2010-12-01 08:26:00', 'ymd', 'UTC', '2010-12-01T08:26:00.000Z'],
  ['2010-12-01 08:26:00.1234', 'ymd', 'UTC', '2010-12-01T08:26:00.123Z'],
  ['2010/12/1', 'ymd', 'UTC', '2010-12-01T00:00:00.000Z'],
  ['1.12.2010 8:26', 'dmy', 'Europe/Berlin', '2010-12-01T07:26:00.000Z'],
  ['12/1/2010 8:26', 'mdy', 'America/New_York', '2010-12-01T13:26:00.000Z'],
  // An hour that does not exist is read as the clock would have gone on, one that is twice as the first.
  ['2011-03-27 02:30', 'ymd', 'Europe/Berlin', '2011-03-27T01:30:00.000Z'],
  ['2011-10-30 02:30', 'ymd', 'Europe/Berlin', '2011-10-30T00:30:00.000Z'],
  // With a zone of its own it is left as it is, and so is what is no date.
  ['2010-12-01T08:26:00+05:00', 'dmy', 'Europe/Berlin', '2010-12-01T08:26:00+05:00'],
  ['2010-02-30', 'ymd', 'UTC', '2010-02-30'],
  ['2010-12-01 24:01', 'ymd', 'UTC', '2010-12-01 24:01'],
  ['13/1/2010', 'mdy', 'UTC', '13/1/2010'],
  ['40513', 'ymd', 'UTC', '40513'],
  ['', 'ymd', 'UTC', ''],
] as const)('%s, %s in %s, is %s', (text, dates, timeZone, instant) => {
  const read = createInstantReader({ dates, timeZone })
  expect(read(text)).toBe(instant)
  expect(read(text)).toBe(instant)
})

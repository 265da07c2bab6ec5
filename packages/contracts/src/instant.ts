import { z } from 'zod'

/** Clocks of scanners and bots run ahead by a little; a date further ahead would make every later count stale. */
const clockSkewMs = 5 * 60_000

/** Most instants are old ones: their date alone tells, without parsing. Two days make up for any zone. */
let longAgo = { date: '', until: 0 }
const isLongAgo = (value: string, now: number) => {
  if (now > longAgo.until) {
    longAgo = {
      date: new Date(now - 2 * 86_400_000).toISOString().slice(0, 10),
      until: now + 3_600_000,
    }
  }
  return value < longAgo.date
}

const isPast = (value: string) => {
  const now = Date.now()
  return isLongAgo(value, now) || Date.parse(value) <= now + clockSkewMs
}

/** Before it, a zone may lead to a year that PostgreSQL does not write with four digits. */
const isStorable = (value: string) => value >= '0002'

const zoned = { offset: true } as const

/** RFC 3339 with a zone, kept to the millisecond, at most five minutes ahead of this machine's clock. */
export const pastInstant = z.iso
  .datetime({ ...zoned, error: 'must be an RFC 3339 date-time with a zone', abort: true })
  .refine(isStorable, { error: 'must not lie before the year 2' })
  .refine(isPast, { error: 'must not lie more than 5 minutes in the future' })
  .meta({ id: 'PastInstant', examples: ['2010-12-01T08:26:00Z'] })

const zonedPattern = z.regexes.datetime(zoned)

/**
 * Whether `pastInstant` accepts a value, by the same checks without zod around them.
 * @param now as toISOString writes it: in UTC the texts alone tell, to the millisecond
 */
export const isPastInstant = (value: unknown, now: string): boolean =>
  typeof value === 'string' &&
  zonedPattern.test(value) &&
  isStorable(value) &&
  ((value < now && value.endsWith('Z')) || isPast(value))

/** The furthest that a batch may be scheduled ahead. */
const longestAheadMs = 90 * 86_400_000

/**
 * RFC 3339 with a zone, at most 90 days ahead. One that has passed is no fault: the same request may
 * be sent again later.
 */
export const scheduledInstant = z.iso
  .datetime({ ...zoned, error: 'must be an RFC 3339 date-time with a zone', abort: true })
  .refine(isStorable, { error: 'must not lie before the year 2' })
  .refine((value) => Date.parse(value) <= Date.now() + longestAheadMs, {
    error: 'must not lie more than 90 days in the future',
  })
  .meta({ id: 'ScheduledInstant', examples: ['2030-01-01T06:00:00Z'] })

/** How instants are answered: UTC with milliseconds. */
export const instantAnswer = z.iso.datetime()

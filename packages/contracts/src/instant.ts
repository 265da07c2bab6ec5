import { z } from 'zod'

/** Clocks of scanners and bots run ahead by a little; a date further ahead would make every later count stale. */
const clockSkewMs = 5 * 60_000

/** RFC 3339 with a zone, kept to the millisecond, at most five minutes ahead of this machine's clock. */
export const pastInstant = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 date-time with a zone' })
  .refine((value) => Date.parse(value) <= Date.now() + clockSkewMs, {
    error: 'must not lie more than 5 minutes in the future',
  })
  .meta({ id: 'PastInstant', examples: ['2010-12-01T08:26:00Z'] })

/** How instants are answered: UTC with milliseconds. */
export const instantAnswer = z.iso.datetime()

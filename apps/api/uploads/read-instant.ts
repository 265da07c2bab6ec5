export type DateOptions = { dates: 'ymd' | 'dmy' | 'mdy'; timeZone: string }

const zoned = /T.*(?:Z|[+-]\d{2}:?\d{2})$/i
const time = String.raw`(?:[ T](?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:\.(?<fraction>\d{1,3})\d*)?)?)?`
const separator = '[-/.]'
const orders = {
  ymd: ['(?<year>\\d{4})', '(?<month>\\d{1,2})', '(?<day>\\d{1,2})'],
  dmy: ['(?<day>\\d{1,2})', '(?<month>\\d{1,2})', '(?<year>\\d{4})'],
  mdy: ['(?<month>\\d{1,2})', '(?<day>\\d{1,2})', '(?<year>\\d{4})'],
}

/** Files say the same instant over and over. */
const mostKnown = 1_000

/**
 * Reads dates as files have them: with a zone they are left as they are, without one they are of the
 * zone given. What is no date is left, too, for whoever checks the line to refuse.
 */
export const createInstantReader = ({ dates, timeZone }: DateOptions) => {
  const pattern = new RegExp(`^${orders[dates].join(separator)}${time}$`)
  const known = new Map<string, string>()
  const read = (text: string): string => {
    if (zoned.test(text)) return text
    const { groups } = pattern.exec(text) ?? {}
    if (!groups) return text
    const { year, month, day, hour = 0, minute = 0, second = 0, fraction = '0' } = groups
    try {
      const local = Temporal.PlainDateTime.from(
        {
          year: Number(year),
          month: Number(month),
          day: Number(day),
          hour: Number(hour),
          minute: Number(minute),
          second: Number(second),
          millisecond: Number(fraction.padEnd(3, '0')),
        },
        { overflow: 'reject' },
      )
      return new Date(local.toZonedDateTime(timeZone).epochMilliseconds).toISOString()
    } catch {
      return text
    }
  }
  return (text: string): string => {
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size >= mostKnown) known.clear()
    const instant = read(text)
    known.set(text, instant)
    return instant
  }
}

import { z } from 'zod'

const isTimeZone = (value: string) => {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: value }))
  } catch {
    return false
  }
}

export const timeZone = z.string().refine(isTimeZone, { error: 'must be an IANA time zone' })

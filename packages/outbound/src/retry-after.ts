/** Epoch milliseconds. Date.parse alone would also find a date in `-5`. */
const httpDate = (text: string) => (text.endsWith(' GMT') ? Date.parse(text) : Number.NaN)

/**
 * Milliseconds to wait by a Retry-After header, seconds or an HTTP date (RFC 9110, 10.2.3), at most
 * `maxMs`. A date is taken relative to the answer's own Date, so that clocks need not agree.
 * @returns undefined for an absent or unreadable header
 */
export const retryAfterMs = (
  header: string | undefined,
  dateHeader: string | undefined,
  { maxMs, now = Date.now() }: { maxMs: number; now?: number },
): number | undefined => {
  const text = header?.trim() ?? ''
  const wait = /^\d+$/.test(text)
    ? Number(text) * 1_000
    : httpDate(text) - (httpDate(dateHeader ?? '') || now)
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), maxMs)
}

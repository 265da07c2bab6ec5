import { lineFields } from '@inventoryrpa/contracts'

/** The header of a report: what became of a line, then the line as it may be sent again. */
export const reportColumns = [
  ...(['line', 'outcome', 'code', 'detail'] as const),
  ...lineFields,
  'onHandAfter',
] as const

/** Whether a file is one of our reports, perhaps with columns moved or removed. */
export const isReportHeader = (header: readonly string[]) =>
  ['line', 'outcome', 'code'].every((name) => header.includes(name))

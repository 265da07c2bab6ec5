import type { LineField } from '@inventoryrpa/contracts'
import type { ReportLine } from '@inventoryrpa/ledger'
import { neutralised } from './formulas.ts'
import { reportColumns } from './report-cells.ts'

/** Pages of a report as CSV with a header (RFC 4180), no further ahead than they are read. */
export async function* reportCsv(pages: AsyncIterable<ReportLine[]>): AsyncGenerator<string> {
  yield `${reportColumns.join(',')}\r\n`
  for await (const page of pages) {
    if (page.length > 0) yield page.map((line) => `${cellsOf(line).join(',')}\r\n`).join('')
  }
}

const cellsOf = ({ given, ...line }: ReportLine) =>
  reportColumns.map((column) => {
    const value = column in line ? line[column as keyof typeof line] : given[column as LineField]
    return quoted(neutralised(String(value ?? '')))
  })

const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

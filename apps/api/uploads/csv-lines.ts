import { type CsvOptions, type LineField, lineFields } from '@inventoryrpa/contracts'
import type { UploadedLine } from '@inventoryrpa/ledger'
import { ProblemError } from '../plugins/problems.ts'
import { checkLine, invalid } from './check-line.ts'
import { type CsvRow, csvRows } from './csv-rows.ts'
import { restored } from './formulas.ts'
import { createInstantReader } from './read-instant.ts'
import { isReportHeader } from './report-cells.ts'

const numbers: ReadonlySet<LineField> = new Set(['quantity', 'expectedOnHand', 'unitValue'])
const instants: ReadonlySet<LineField> = new Set(['observedAt', 'countedAt'])

/** Of a report, lines with these outcomes need no correcting, and would be applied twice. */
const settled: ReadonlySet<string> = new Set(['applied', 'held'])

/**
 * Reads a CSV file with a header row, a list of lines for each piece of it. An empty cell says nothing.
 * @throws ProblemError for a header that lacks what every line needs
 */
export async function* csvLines(
  chunks: AsyncIterable<Buffer>,
  options: CsvOptions,
): AsyncGenerator<UploadedLine[]> {
  const { delimiter = ',', encoding = 'utf-8' } = options
  let toLine: ReturnType<typeof createReader> | undefined
  let number = 0
  for await (const rows of csvRows(chunks, { delimiter, encoding })) {
    const lines: UploadedLine[] = []
    const now = new Date().toISOString()
    for (const row of rows) {
      if (!toLine) toLine = createReader(row.fields, options)
      else {
        number += 1
        const line = toLine(row, number, now)
        if (line) lines.push(line)
      }
    }
    yield lines
  }
}

const createReader = (header: readonly string[], options: CsvOptions) => {
  const columns = findColumns(header, options)
  const isReport = isReportHeader(header)
  const outcomeAt = header.indexOf('outcome')
  const { dates = 'ymd', timeZone = 'UTC', decimal = 'point', negate = 'false' } = options
  const readInstant = createInstantReader({ dates, timeZone })
  const constants = constantsOf(options)
  const readCell = (field: LineField, cell: string) => {
    if (instants.has(field)) return readInstant(cell.trim())
    if (!numbers.has(field)) return cell
    return decimal === 'comma' ? cell.trim().replace(',', '.') : cell.trim()
  }
  const faultOf = (field: LineField, cell: string) => {
    if (cell.includes('\ufffd')) return `${field} is not UTF-8`
    // It separates thousands, or is a mistake.
    const isPointed = decimal === 'comma' && numbers.has(field) && cell.includes('.')
    return isPointed ? `${field} has a point, and decimals are to follow a comma` : undefined
  }

  return ({ fields, fileLine }: CsvRow, number: number, now: string): UploadedLine | undefined => {
    if (isReport && settled.has(fields[outcomeAt] ?? '')) return undefined
    const sent: Partial<Record<LineField, string>> = {}
    let fault: string | undefined
    for (const { field, at } of columns) {
      const cell = isReport ? restored(fields[at] ?? '') : (fields[at] ?? '')
      if (cell === '') continue
      const own = faultOf(field, cell)
      sent[field] = own === undefined ? readCell(field, cell) : cell
      fault ??= own
    }
    for (const { field, value, types } of constants) {
      if (sent[field] === undefined && (!types || types.includes(sent.type ?? ''))) {
        sent[field] = instants.has(field) ? readInstant(value) : value
      }
    }
    const { quantity } = sent
    if (negate === 'true' && sent.type === 'adjustment' && quantity) sent.quantity = minus(quantity)
    const where = `line ${fileLine} of the file`
    if (fields.length !== header.length) {
      fault = `it has ${fields.length} fields, the header has ${header.length}`
    }
    if (fault !== undefined) return { number, ...invalid(sent, where, fault) }
    return { number, ...checkLine(sent, where, now) }
  }
}

/** @throws ProblemError naming what is missing */
const findColumns = (header: readonly string[], options: CsvOptions) => {
  const { columns = {}, type = 'adjustment' } = options
  const names = header.map((name) => name.trim())
  const taken = new Set(Object.values(columns))
  const found = lineFields.flatMap((field) => {
    const name = columns[field] ?? field
    const at = columns[field] === undefined && taken.has(field) ? -1 : names.indexOf(name)
    return at === -1 ? [] : [{ field, at }]
  })
  const has = (field: LineField) => found.some((column) => column.field === field)
  const said = (field: LineField) => has(field) || (options as Columns)[field] !== undefined
  const needed: LineField[] = ['sku', 'location']
  // A column of types says itself what its lines need.
  if (!has('type')) needed.push(...neededBy[type])
  const missing = lineFields.filter((field) =>
    columns[field] === undefined ? needed.includes(field) && !said(field) : !has(field),
  )
  if (missing.length === 0) return found
  const errors = missing.map((field) => ({
    path: '/columns',
    message: `there is no column ${JSON.stringify(columns[field] ?? field)} for ${field}`,
  }))
  const detail = errors.map(({ message }) => message).join('; ')
  throw new ProblemError('invalid-request', `${detail}; nothing was stored`, { errors })
}
type Columns = Partial<Record<string, unknown>>

const neededBy = {
  adjustment: ['quantity'],
  count: ['quantity', 'countedAt'],
  transfer: ['quantity', 'toLocation'],
  sync: [],
} satisfies Record<string, LineField[]>

/** What lines that do not say it are given; of some types only, since others may not say it. */
const constantsOf = (options: CsvOptions) => {
  const constant = (field: LineField, value: string | undefined, types?: string[]) =>
    value === undefined ? [] : [{ field, value, types }]
  return [
    ...constant('type', options.type ?? 'adjustment'),
    ...constant('location', options.location),
    ...constant('reason', options.reason),
    ...constant('toLocation', options.toLocation, ['transfer']),
    ...constant('observedAt', options.observedAt, ['adjustment', 'transfer']),
    ...constant('countedAt', options.countedAt, ['count']),
  ]
}

const minus = (quantity: string) => {
  if (!/^-?[\d.]+$/.test(quantity) || /^[0.]+$/.test(quantity)) return quantity
  return quantity.startsWith('-') ? quantity.slice(1) : `-${quantity}`
}

import type { Batch } from '../types.ts'
import type { Session } from './context.ts'

type Row = Record<string, unknown>

const rowsAtOnce = 100

/** One JSON object a line, or a table. */
export const printAll = async <T extends object>(
  { stdout, json, note }: Session,
  items: AsyncIterable<T>,
  columns: (item: T) => Row,
  { limit = Number.POSITIVE_INFINITY }: { limit?: number | undefined } = {},
): Promise<number> => {
  let count = 0
  let rows: Row[] = []
  const flush = (withHeader: boolean) => {
    if (rows.length > 0) stdout.write(table(rows, withHeader))
    rows = []
  }
  for await (const item of items) {
    if (count >= limit) break
    count += 1
    if (json) stdout.write(`${JSON.stringify(item)}\n`)
    else rows.push(columns(item))
    if (rows.length === rowsAtOnce) flush(count === rowsAtOnce)
  }
  flush(count <= rowsAtOnce)
  if (count === 0 && !json) note('none')
  return count
}

const table = (rows: Row[], withHeader: boolean): string => {
  const names = Object.keys(rows[0] ?? {})
  const cells = rows.map((row) => names.map((name) => plain(row[name])))
  const lines = withHeader ? [names, ...cells] : cells
  const widths = names.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  const format = (line: string[]) =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()
  return `${lines.map(format).join('\n')}\n`
}

/** What was sent by others must not steer the terminal. */
const plain = (value: unknown) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  String(value ?? '').replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')

export const printOne = ({ stdout, json }: Session, item: object, lines: string[]) => {
  stdout.write(json ? `${JSON.stringify(item)}\n` : `${lines.map(plain).join('\n')}\n`)
}

export const printBatch = (session: Session, batch: Batch) =>
  printOne(session, batch, describeBatch(batch))

const describeBatch = (batch: Batch): string[] => {
  const { id, reference, state, counts, planHash, guardFindings, reverses } = batch
  const { total, ...others } = counts
  const told = Object.entries(others).filter(([, count]) => count > 0)
  const of = told.map(([outcome, count]) => `${count} ${outcome}`).join(', ')
  return [
    `batch      ${id}`,
    ...(reference === null ? [] : [`reference  ${reference}`]),
    `state      ${state.replaceAll('_', ' ')}`,
    `lines      ${total}${of && `: ${of}`}`,
    ...(reverses === null ? [] : [`reverses   ${reverses}`]),
    ...(planHash === null ? [] : [`plan hash  ${planHash}`]),
    ...(guardFindings?.length ? [`exceeds    ${guardFindings.join(', ')}`] : []),
  ]
}

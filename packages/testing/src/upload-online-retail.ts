import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type OnlineRetailLine, readOnlineRetailDay } from '@inventoryrpa/local'
import type { TestSystem } from './test-system.ts'

/** How its columns are told: what was sold is a positive quantity there. */
export const onlineRetailQuery = new URLSearchParams({
  columns:
    'sku:StockCode,location:Country,quantity:Quantity,reference:InvoiceNo,observedAt:InvoiceDate',
  negate: 'true',
  reason: 'sale',
  negativeStock: 'allow',
})

export type RepeatedFile = {
  lines: OnlineRetailLine[]
  /** As CSV, made while it is read. */
  csv(): Readable
}

/** A CSV file of so many lines, made by repeating the days of a folder. */
export async function repeatOnlineRetail(folder: string, lineCount: number): Promise<RepeatedFile> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.csv')).sort()
  let header = ''
  const rows: string[] = []
  const day: OnlineRetailLine[] = []
  for (const file of files) {
    const [first = '', ...rest] = (await readFile(join(folder, file), 'utf8')).trimEnd().split('\n')
    header = first
    rows.push(...rest)
    day.push(...(await readOnlineRetailDay(join(folder, file))))
  }
  if (rows.length !== day.length) throw new Error('a row of these files is no line of text')
  const lines = Array.from({ length: lineCount }, (_, index) => day[index % day.length])
  function* csv() {
    yield `${header}\n`
    for (let from = 0; from < lineCount; from += rows.length) {
      yield `${rows.slice(0, lineCount - from).join('\n')}\n`
    }
  }
  return { lines: lines as OnlineRetailLine[], csv: () => Readable.from(csv()) }
}

/** Streams a body to the API. */
export const upload = (
  system: Pick<TestSystem, 'call'>,
  body: Readable | string | Buffer<ArrayBuffer>,
  {
    query = '',
    type = 'text/csv',
    headers = {},
  }: { query?: string; type?: string; headers?: Record<string, string> } = {},
): Promise<Response> =>
  system.call(`/v1/batches?${query}`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: body as NonNullable<RequestInit['body']>,
    ...({ duplex: 'half' } as object),
  })

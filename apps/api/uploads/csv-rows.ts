import { once } from 'node:events'
import { type CsvError, Parser } from 'csv-parse'
import { ProblemError } from '../plugins/problems.ts'

export type CsvRow = {
  fields: string[]
  /** Of the file, from 1, where the row ends. */
  fileLine: number
}

/** A row with every field at its longest comes to 4 KB; past this a quote was opened and never closed. */
const longestRow = 131_072

/**
 * The rows of a CSV file as its bytes come in, a list for each piece of it. Quotes where none should be
 * are kept, and rows may have any number of fields: whoever knows the header tells what is wrong.
 * @throws ProblemError for a row that never ends
 */
export async function* csvRows(
  chunks: AsyncIterable<Buffer>,
  { delimiter, encoding }: { delimiter: string; encoding: 'utf-8' | 'windows-1252' },
): AsyncGenerator<CsvRow[]> {
  let rows: CsvRow[] = []
  let doubled = 0
  const parser = new Parser({
    delimiter,
    // Nothing but rows comes to an end here, so that none waits in the parser's own queue.
    on_record: (fields: string[], { lines }) => {
      // Within quotes the parser takes CRLF for two.
      for (const field of fields)
        if (field.includes('\n')) doubled += field.split('\r\n').length - 1
      rows.push({ fields, fileLine: lines - doubled })
      return null
    },
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longestRow,
  })
  const failed = once(parser, 'error').then(([error]) => {
    throw csvProblem(error)
  })
  failed.catch(() => {})
  const written = (write: (done: (error?: Error | null) => void) => void) =>
    Promise.race([
      failed,
      new Promise<void>((resolve) => write((error) => error || resolve())),
    ]) as Promise<void>
  const taken = () => {
    const own = rows
    rows = []
    return own
  }
  try {
    for await (const bytes of encoding === 'utf-8' ? chunks : inUtf8(chunks, encoding)) {
      await written((done) => parser.write(bytes, done))
      yield taken()
    }
    parser.resume()
    await written((done) => parser.end(done))
    yield taken()
  } finally {
    parser.destroy()
  }
}

async function* inUtf8(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding)
  for await (const bytes of chunks) yield Buffer.from(decoder.decode(bytes, { stream: true }))
}

const csvProblem = (error: CsvError) => {
  const line = (error as { lines?: number }).lines ?? 0
  const detail = `a quote was opened and never closed, or a row is longer than ${longestRow} bytes; found at line ${line} of the file`
  return new ProblemError('invalid-request', detail, { cause: error })
}

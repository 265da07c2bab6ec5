import type { UploadedLine } from '@inventoryrpa/ledger'
import { checkLine, invalid } from './check-line.ts'

/** A line with every field at its longest, each character escaped, comes to 6 KB. */
const longestLine = 65_536
const newline = 0x0a

type TextLine = { text: string | undefined; fileLine: number }

/** Reads a file with a JSON object a line, a list of lines for each piece of it. */
export async function* ndjsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<UploadedLine[]> {
  let number = 0
  for await (const texts of textLines(chunks)) {
    const now = new Date().toISOString()
    yield texts.map(({ text, fileLine }) => {
      number += 1
      return { number, ...toLine(text, `line ${fileLine} of the file`, now) }
    })
  }
}

const toLine = (text: string | undefined, where: string, now: string) => {
  if (text === undefined) return invalid(undefined, where, `it is over ${longestLine} bytes`)
  if (text.includes('\ufffd')) return invalid(undefined, where, 'it is not UTF-8')
  try {
    return checkLine(JSON.parse(text), where, now)
  } catch {
    return invalid(undefined, where, `it is not JSON: ${text.slice(0, 100)}`)
  }
}

/** Lines that are not blank; one that is too long has no text. */
async function* textLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<TextLine[]> {
  let open: Buffer[] = []
  let openBytes = 0
  let fileLine = 0
  const ended = (): TextLine[] => {
    fileLine += 1
    const isTooLong = openBytes > longestLine
    const text = isTooLong ? undefined : Buffer.concat(open).toString().trim()
    open = []
    openBytes = 0
    return text === '' ? [] : [{ text, fileLine }]
  }
  const append = (bytes: Buffer) => {
    openBytes += bytes.length
    if (openBytes <= longestLine) open.push(bytes)
    else open = []
  }
  for await (const bytes of chunks) {
    const lines: TextLine[] = []
    let from = 0
    for (;;) {
      const at = bytes.indexOf(newline, from)
      if (at === -1) break
      append(bytes.subarray(from, at))
      lines.push(...ended())
      from = at + 1
    }
    append(bytes.subarray(from))
    yield lines
  }
  yield ended()
}

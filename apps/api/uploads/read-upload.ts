import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type CsvOptions, csvOptionNames, type UploadType } from '@inventoryrpa/contracts'
import type { UploadedLine } from '@inventoryrpa/ledger'
import { ProblemError } from '../plugins/problems.ts'
import { csvLines } from './csv-lines.ts'
import { ndjsonLines } from './ndjson-lines.ts'
import { readBody } from './read-body.ts'
import { withoutMark } from './without-mark.ts'

export type UploadRequest = {
  incoming: IncomingMessage
  type: UploadType
  /** The query as it was sent: part of what an idempotency key stands for. */
  search: string
  options: CsvOptions
  maxBytes: number
  signal: AbortSignal
}

/** An upload's lines as they come in, and the hash of all that it says. */
export const readUpload = ({ incoming, type, search, options, ...limits }: UploadRequest) => {
  const hash = createHash('sha256')
  const said = new URLSearchParams(search)
  said.sort()
  hash.update(`${type}?${said}\n`)
  const body = readBody(incoming, { ...limits, onBytes: (bytes) => hash.update(bytes) })
  return {
    pages: toLines(body, type, options),
    digest: async (): Promise<Buffer> => {
      for await (const _ of body);
      return hash.digest()
    },
  }
}

const toLines = (
  body: AsyncGenerator<Buffer>,
  type: UploadType,
  options: CsvOptions,
): AsyncGenerator<UploadedLine[]> => {
  if (type === 'text/csv') return csvLines(withoutMark(body), options)
  const foreign = csvOptionNames.find((name) => options[name] !== undefined)
  if (foreign === undefined) return ndjsonLines(withoutMark(body))
  const message = 'is only for text/csv'
  throw new ProblemError('invalid-request', `${foreign} ${message}`, {
    errors: [{ path: `/${foreign}`, message }],
  })
}

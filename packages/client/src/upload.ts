import { type Connection, dataOf } from './connection.ts'
import type { Batch, Line, SubmitBatch } from './types.ts'

/** What is said of the batch beside its lines. */
export type BatchOptions = Omit<Partial<SubmitBatch>, 'lines'>

export type SubmitOptions = {
  /**
   * Whatever is sent under the same key makes one batch. Made anew if it is not given, and kept in
   * every retry; give your own to be safe across runs of your program too.
   */
  idempotencyKey?: string
  signal?: AbortSignal
  /** Told when the key was known: the batch is the one of the first time. */
  onReplayed?: () => void
}

export const lineFields = [
  ...(['type', 'sku', 'location', 'toLocation', 'quantity', 'countedAt', 'observedAt'] as const),
  ...(['expectedOnHand', 'reason', 'reference', 'unitValue'] as const),
] as const
export type LineField = (typeof lineFields)[number]

/** How a file is read. All but the first two are for CSV. */
export type UploadOptions = BatchOptions & {
  format: 'csv' | 'ndjson'
  contentEncoding?: 'gzip' | 'zstd'
  /** Which header a field is found under, where it is not the name of the field. */
  columns?: Partial<Record<LineField, string>>
  delimiter?: string
  encoding?: 'utf-8' | 'windows-1252'
  /** What stands before the decimal places. */
  decimal?: 'point' | 'comma'
  /** Adjustments are taken with the other sign. */
  negate?: boolean
  /** The order in dates without a zone. */
  dates?: 'ymd' | 'dmy' | 'mdy'
  /** Of dates without a zone; else UTC. */
  timeZone?: string
} & Partial<Record<'location' | 'toLocation' | 'reason' | 'observedAt' | 'countedAt', string>> & {
    /** Of lines that do not say. */
    type?: Line['type']
  }

/** A file, or what makes the stream of it: for each attempt anew. */
export type UploadSource = Blob | (() => ReadableStream<Uint8Array>)

const contentTypes = { csv: 'text/csv', ndjson: 'application/x-ndjson' }

const wasReplayed = ({ headers }: Response) => headers.get('idempotent-replayed') === 'true'

export const submit = async (
  { api }: Connection,
  batch: BatchOptions & Pick<SubmitBatch, 'lines'>,
  { idempotencyKey = crypto.randomUUID(), signal, onReplayed }: SubmitOptions = {},
): Promise<Batch> => {
  const answer = await api.POST('/v1/batches', {
    params: { header: { 'idempotency-key': idempotencyKey } },
    body: { mode: 'apply', negativeStock: 'reject', verify: false, priority: 'normal', ...batch },
    ...(signal && { signal }),
  })
  if (wasReplayed(answer.response)) onReplayed?.()
  return dataOf(Promise.resolve(answer))
}

/** Sends a file of any size, in constant memory. One transaction: all of it, or nothing. */
export const upload = async (
  { baseUrl, send }: Connection,
  source: UploadSource,
  { format, contentEncoding, ...options }: UploadOptions,
  { idempotencyKey = crypto.randomUUID(), signal, onReplayed }: SubmitOptions = {},
): Promise<Batch> => {
  const url = `${baseUrl}/v1/batches?${uploadQuery(options)}`
  const headers = {
    'content-type': contentTypes[format],
    'idempotency-key': idempotencyKey,
    ...(contentEncoding && { 'content-encoding': contentEncoding }),
  }
  const make = () => {
    const body = source instanceof Blob ? source : source()
    const init = { method: 'POST', headers, body, duplex: 'half', ...(signal && { signal }) }
    return new Request(url, init as RequestInit)
  }
  const response = await send(make, { repeatable: true, timeoutMs: 0 })
  if (wasReplayed(response)) onReplayed?.()
  return (await response.json()) as Batch
}

/** As the API takes them. */
export const uploadQuery = ({
  columns,
  ...options
}: Omit<UploadOptions, 'format' | 'contentEncoding'>): URLSearchParams => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) query.set(name, String(value))
  }
  const pairs = Object.entries(columns ?? {}).map(([field, header]) => `${field}:${header}`)
  if (pairs.length > 0) query.set('columns', pairs.join(','))
  return query
}

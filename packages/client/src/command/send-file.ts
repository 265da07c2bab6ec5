import { createHash } from 'node:crypto'
import type { Batch, SubmitBatch } from '../types.ts'
import type { SubmitOptions } from '../upload.ts'
import type { Session } from './context.ts'
import { batchOptionsOf, csvOptionsOf, type FileOptions } from './file-options.ts'
import { startProgress } from './progress.ts'
import { openSource, type SourceFile } from './source-file.ts'
import { UsageError } from './usage-error.ts'

/** Sends a file as one batch. Repeated with the same content and options it is the same batch. */
export const sendFile = async (
  session: Session,
  path: string,
  options: FileOptions & { mode: 'apply' | 'preview' },
): Promise<Batch> => {
  session.onInterrupt('it may not have arrived; the same command again makes no second batch of it')
  const source = await openSource(path, options, session)
  try {
    const idempotencyKey = keyOf(source, options)
    let replayed = false
    const how = {
      idempotencyKey,
      signal: session.signal,
      onReplayed: () => {
        replayed = true
      },
    }
    const batch = await (source.format === 'json'
      ? sendJson(session, source, options, how)
      : sendStream(session, source, options, how))
    if (replayed && !session.retried()) {
      session.note(
        `${source.name} was sent before with the same options: this is that batch (--again sends it once more)`,
      )
    }
    return batch
  } finally {
    await source.release()
  }
}

const keyOf = ({ digest }: SourceFile, { idempotencyKey, again, ...options }: FileOptions) => {
  if (idempotencyKey !== undefined) return idempotencyKey
  if (again) return crypto.randomUUID()
  const named = Object.entries(options).sort(([one], [other]) => (one < other ? -1 : 1))
  const hash = createHash('sha256').update(digest).update(JSON.stringify(named))
  return `file-${hash.digest('hex')}`
}

const sendStream = async (
  session: Session,
  { blob, format, contentEncoding }: SourceFile,
  options: FileOptions & { mode: 'apply' | 'preview' },
  how: SubmitOptions,
): Promise<Batch> => {
  const progress = startProgress('sending', 'MB', session)
  const stream = () => {
    let sent = 0
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        sent += chunk.length
        progress.update(sent, blob.size)
        controller.enqueue(chunk)
      },
    })
    return blob.stream().pipeThrough(count)
  }
  const upload = {
    ...batchOptionsOf(options),
    ...csvOptionsOf(options),
    mode: options.mode,
    format: format === 'csv' ? ('csv' as const) : ('ndjson' as const),
    ...(contentEncoding && { contentEncoding }),
  }
  try {
    return await session.client.upload(stream, upload, how)
  } finally {
    progress.stop()
  }
}

const sendJson = async (
  { client }: Session,
  { blob, contentEncoding, name }: SourceFile,
  options: FileOptions & { mode: 'apply' | 'preview' },
  how: SubmitOptions,
): Promise<Batch> => {
  if (contentEncoding) {
    throw new UsageError(`${name} is compressed JSON: unpack it, or send lines as .ndjson`)
  }
  const csvOnly = Object.keys(csvOptionsOf(options))
  if (csvOnly.length > 0) throw new UsageError(`${csvOnly.join(', ')} is for CSV; ${name} is JSON`)
  const content = parse(await blob.text(), name)
  const batch = Array.isArray(content) ? { lines: content } : content
  const mode = options.mode === 'preview' ? { mode: options.mode } : {}
  return client.submit({ ...(batch as SubmitBatch), ...batchOptionsOf(options), ...mode }, how)
}

const parse = (text: string, name: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${name} is not JSON: ${(error as Error).message}`)
  }
}

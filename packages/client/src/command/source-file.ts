import { createHash } from 'node:crypto'
import { createWriteStream, openAsBlob } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Context } from './context.ts'
import { UsageError } from './usage-error.ts'

export const formats = ['csv', 'ndjson', 'json'] as const
export type Format = (typeof formats)[number]

export type SourceFile = {
  name: string
  blob: Blob
  format: Format
  contentEncoding: 'gzip' | 'zstd' | undefined
  /** SHA-256 of its bytes. */
  digest: string
  release(): Promise<void>
}

const endings = { gz: 'gzip', gzip: 'gzip', zst: 'zstd', zstd: 'zstd' } as const
const formatsByEnding: Record<string, Format> = {
  csv: 'csv',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  json: 'json',
}

/** What its name says of a file. `format` is that of what it unpacks to. */
export const readName = (name: string) => {
  const parts = basename(name).toLowerCase().split('.').slice(1)
  const last = parts.at(-1) ?? ''
  const contentEncoding = Object.hasOwn(endings, last)
    ? endings[last as keyof typeof endings]
    : undefined
  const ending = (contentEncoding ? parts.at(-2) : last) ?? ''
  const format = Object.hasOwn(formatsByEnding, ending) ? formatsByEnding[ending] : undefined
  return { format, contentEncoding }
}

/** A file, or standard input, which is kept in a file until it has been sent: it may have to be sent again. */
export const openSource = async (
  given: string,
  { format: asked, gzip, zstd }: { format?: Format; gzip?: true; zstd?: true },
  { stdin }: Pick<Context, 'stdin'>,
): Promise<SourceFile> => {
  const named = readName(given)
  const format = asked ?? named.format
  if (format === undefined) {
    const what = given === '-' ? 'standard input has no name' : `${given} does not say by its name`
    throw new UsageError(`${what}: give --format ${formats.join(', ')}`)
  }
  const { path, release } = given === '-' ? await keep(stdin) : await existing(given)
  try {
    const blob = await openAsBlob(path)
    if (blob.size === 0)
      throw new UsageError(`${given === '-' ? 'standard input' : given} is empty`)
    const contentEncoding = gzip ? 'gzip' : zstd ? 'zstd' : named.contentEncoding
    return {
      name: given === '-' ? 'standard input' : basename(given),
      ...{ blob, format, contentEncoding, release },
      digest: await digestOf(blob),
    }
  } catch (error) {
    await release()
    throw error
  }
}

const existing = async (path: string) => {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) throw new UsageError(`there is no file ${path}`)
  return { path, release: async () => undefined }
}

const keep = async (stdin: NodeJS.ReadableStream) => {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-'))
  const path = join(folder, 'stdin')
  const release = () => rm(folder, { recursive: true, force: true })
  try {
    await pipeline(stdin, createWriteStream(path, { mode: 0o600 }))
    return { path, release }
  } catch (error) {
    await release()
    throw error
  }
}

const digestOf = async (blob: Blob) => {
  const hash = createHash('sha256')
  for await (const chunk of blob.stream()) hash.update(chunk)
  return hash.digest('hex')
}

import type { IncomingMessage } from 'node:http'
import { pipeline, type Transform } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { ProblemError } from '../plugins/problems.ts'

export type BodyOptions = {
  /** Of what it decodes to. */
  maxBytes: number
  /** Told of what it decodes to. */
  onBytes: (bytes: Buffer) => void
  /** Ends the reading: the process is asked to stop. */
  signal: AbortSignal
}

/** A sender that brings less than this in so long is cut off: with its transaction it holds up others. */
const stalledMs = 30_000
const leastBytes = 30_000

/** What a window of 8 MiB needs, which is all that RFC 9659 lets a sender of zstd ask for. */
const zstdWindowLog = 23
const chunkSize = 65_536

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip({ chunkSize }),
  'x-gzip': () => createGunzip({ chunkSize }),
  zstd: () =>
    createZstdDecompress({
      chunkSize,
      params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog },
    }),
}

/**
 * The bytes of a body as they come in, decoded, and never more of them in memory than the reader keeps.
 * However it ends, the connection is left to whoever answers.
 * @throws ProblemError for an encoding, a size or a sender that is not accepted
 */
export async function* readBody(
  incoming: IncomingMessage,
  { maxBytes, onBytes, signal }: BodyOptions,
): AsyncGenerator<Buffer> {
  const encoding = incoming.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  const decode = decoders[encoding]
  if (!decode && encoding !== 'identity') {
    throw new ProblemError('unsupported-media-type', 'the content encoding is not gzip or zstd')
  }
  const done = new AbortController()
  const sent = received(incoming, AbortSignal.any([signal, done.signal]))
  let bytes = 0
  try {
    for await (const chunk of decode ? pipeline(sent, decode(), () => {}) : sent) {
      bytes += chunk.length
      if (bytes > maxBytes) {
        throw new ProblemError('body-too-large', `the body decodes to more than ${maxBytes} bytes`)
      }
      onBytes(chunk)
      yield chunk
    }
  } catch (error) {
    if (error instanceof ProblemError || !isDecoderFault(error)) throw error
    throw new ProblemError('invalid-request', `the body is not ${encoding} throughout`, {
      cause: error,
    })
  } finally {
    done.abort()
  }
}

/** https://nodejs.org/api/zlib.html: codes of zlib begin with Z_, those of zstd with ZSTD_. */
const isDecoderFault = (error: unknown) =>
  error instanceof Error && /^(?:Z_|ZSTD_|ERR_)/.test((error as { code?: string }).code ?? '')

/** Nothing listens while nothing is waited for, so that what is not read may be passed over by others. */
async function* received(incoming: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
  let waitedMs = 0
  let bytes = 0
  while (!incoming.readableEnded) {
    const chunk: Buffer | null = incoming.read()
    if (chunk) {
      bytes += chunk.length
      if (bytes >= leastBytes) {
        waitedMs = 0
        bytes = 0
      }
      yield chunk
    } else {
      // Only the time in which nothing came counts against the sender, not what it takes us to store it.
      const began = performance.now()
      await more(incoming, stalledMs - waitedMs, signal)
      waitedMs += performance.now() - began
    }
  }
}

const more = async (incoming: IncomingMessage, ms: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const cut = () => {
    reject(new ProblemError('invalid-request', 'the body came too slowly'))
    incoming.destroy()
  }
  const broken = () =>
    reject(new ProblemError('invalid-request', 'the connection ended within the body'))
  const stop = () =>
    reject(
      new ProblemError('unavailable', 'the process stops; ask again', { retryAfterSeconds: 1 }),
    )
  const closed = () => (incoming.readableEnded ? resolve() : broken())
  const timer = setTimeout(cut, Math.max(0, ms))
  signal.addEventListener('abort', stop)
  incoming.on('readable', resolve).on('end', resolve).on('error', broken).on('close', closed)
  try {
    if (signal.aborted) stop()
    if (incoming.destroyed) closed()
    await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    incoming.off('readable', resolve).off('end', resolve).off('error', broken).off('close', closed)
  }
}

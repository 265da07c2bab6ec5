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
  const sent = received(incoming, signal)
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
  }
}

/** https://nodejs.org/api/zlib.html: codes of zlib begin with Z_, those of zstd with ZSTD_. */
const isDecoderFault = (error: unknown) =>
  error instanceof Error && /^(?:Z_|ZSTD_|ERR_)/.test((error as { code?: string }).code ?? '')

async function* received(incoming: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = incoming.iterator({ destroyOnReturn: false })
  let waitedMs = 0
  let bytes = 0
  try {
    for (;;) {
      const began = performance.now()
      const { done, value } = await within(stalledMs - waitedMs, chunks.next(), incoming, signal)
      if (done) return
      waitedMs += performance.now() - began
      bytes += value.length
      if (bytes >= leastBytes) {
        waitedMs = 0
        bytes = 0
      }
      yield value
    }
  } finally {
    await chunks.return?.()
  }
}

/** Only the time in which nothing came counts against the sender, not what it takes us to store it. */
const within = async <T>(
  ms: number,
  next: Promise<T>,
  incoming: IncomingMessage,
  signal: AbortSignal,
): Promise<T> => {
  const { promise: never, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => {
      reject(new ProblemError('invalid-request', 'the body came too slowly'))
      incoming.destroy()
    },
    Math.max(0, ms),
  )
  const onAbort = () =>
    reject(
      new ProblemError('unavailable', 'the process stops; ask again', { retryAfterSeconds: 1 }),
    )
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    return await Promise.race([next, never])
  } catch (error) {
    if (error instanceof ProblemError) throw error
    throw new ProblemError('invalid-request', 'the connection ended within the body', {
      cause: error,
    })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

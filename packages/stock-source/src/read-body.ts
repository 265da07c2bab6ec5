import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { SourceFailure } from './failure.ts'

const collect = (maxBytes: number) => async (source: AsyncIterable<Buffer>) => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > maxBytes) {
      const detail = `the body is larger than ${maxBytes} bytes`
      throw new SourceFailure({ code: 'too_large', detail })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Refuses what is not UTF-8, rather than to read a key as another. */
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a body to its end, decompressing as it comes: a body that grows beyond `maxBytes`
 * decompressed bytes is dropped there, however small it was on the wire.
 * @throws SourceFailure, or an error of undici or zlib with its code
 */
export const readBody = async (
  body: Readable,
  encoding: string | undefined,
  maxBytes: number,
): Promise<string> => {
  switch (encoding?.toLowerCase()) {
    case undefined:
    case 'identity':
      return utf8.decode(await pipeline(body, collect(maxBytes)))
    case 'gzip':
      return utf8.decode(await pipeline(body, createGunzip(), collect(maxBytes)))
    default:
      body.destroy()
      throw new SourceFailure({ code: 'invalid_response', detail: 'unknown content encoding' })
  }
}

import { isAscii } from 'node:buffer'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** The JSON body as it was sent, but without a byte order mark. */
    bodyBytes: Buffer
  }
}

/** Reads JSON bodies; keys that could poison a prototype are refused, wherever they stand. */
export const jsonBodyPlugin = fp(
  async (app) => {
    const parse = app.getDefaultJsonParser('error', 'error')
    // Fastify's own would take text for a body.
    app.removeAllContentTypeParsers()
    app.decorateRequest('bodyBytes', null as unknown as Buffer)
    app.addContentTypeParser<Buffer>(
      'application/json',
      { parseAs: 'buffer' },
      (request, body, done) => {
        request.bodyBytes = withoutMarks(body)
        const text = textOf(request.bodyBytes)
        const value = parseHarmless(text)
        if (value === undefined) parse(request, text, done)
        else done(null, value)
      },
    )
  },
  { name: 'json-body' },
)

/** Nearly every body is ASCII, which takes a fifth of the time to read. */
const textOf = (body: Buffer) => (isAscii(body) ? body.toString('latin1') : body.toString())

/** Some senders begin with a mark, which Fastify passes over; whoever reads the stored body would not. */
const withoutMarks = (body: Buffer): Buffer => {
  let start = 0
  while (body[start] === 0xef && body[start + 1] === 0xbb && body[start + 2] === 0xbf) start += 3
  return body.subarray(start)
}

/**
 * Spares nearly every body Fastify's search for poison: `__proto__` and `constructor.prototype` both
 * need these letters, or an escape that hides them. What is undefined is Fastify's to parse and to refuse.
 */
const parseHarmless = (text: string): unknown => {
  if (text.includes('proto') || text.includes('\\')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

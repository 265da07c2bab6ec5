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
        parse(request, request.bodyBytes.toString(), done)
      },
    )
  },
  { name: 'json-body' },
)

/** Some senders begin with a mark, which Fastify passes over; whoever reads the stored body would not. */
const withoutMarks = (body: Buffer): Buffer => {
  let start = 0
  while (body[start] === 0xef && body[start + 1] === 0xbb && body[start + 2] === 0xbf) start += 3
  return body.subarray(start)
}

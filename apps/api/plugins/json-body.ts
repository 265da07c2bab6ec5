import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** The JSON body as it was sent. */
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
        request.bodyBytes = body
        parse(request, body.toString(), done)
      },
    )
  },
  { name: 'json-body' },
)

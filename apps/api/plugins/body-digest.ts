import { createHash } from 'node:crypto'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** SHA-256 of the body as it was sent; only with an Idempotency-Key header. */
    bodySha256: Buffer | undefined
  }
}

/** Reads JSON bodies; keys that could poison a prototype are refused, wherever they stand. */
export const bodyDigestPlugin = fp(
  async (app) => {
    const parse = app.getDefaultJsonParser('error', 'error')
    app.decorateRequest('bodySha256', undefined)
    app.addContentTypeParser<Buffer>(
      'application/json',
      { parseAs: 'buffer' },
      (request, body, done) => {
        if (request.headers['idempotency-key'] !== undefined) {
          request.bodySha256 = createHash('sha256').update(body).digest()
        }
        parse(request, body.toString(), done)
      },
    )
  },
  { name: 'body-digest' },
)

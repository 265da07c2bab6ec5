import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'

export type SentryServer = {
  /** For SENTRY_DSN. */
  dsn: string
  /** The text of every envelope so far. */
  envelopes: string[]
  /** The error events among what the envelopes carry. */
  events(): SentryEvent[]
}

export type SentryEvent = {
  exception?: { values: { type: string; value: string }[] }
  extra?: Record<string, unknown>
  tags?: Record<string, string>
}

/** Takes Sentry's envelopes as the real service does; it ends with the test. */
export const startSentryServer = async (): Promise<SentryServer> => {
  const envelopes: string[] = []
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const zipped = request.headers['content-encoding'] === 'gzip'
    envelopes.push((zipped ? gunzipSync(body) : body).toString())
    response.setHeader('content-type', 'application/json').end('{}')
  })
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await listening
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    dsn: `http://publickey@127.0.0.1:${port}/1`,
    envelopes,
    events: () =>
      envelopes
        .flatMap((envelope) => envelope.split('\n'))
        .flatMap((line) => (line.includes('"exception"') ? [JSON.parse(line)] : [])),
  }
}

import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** For as long as `work` takes, it is `work` that reads the body and watches the sender. */
    receiving<T>(work: () => Promise<T>): Promise<T>
  }
}

export type SlowClientsOptions = { slowAfterMs: number }

/**
 * Cuts off whoever takes too long to send a request. Node's own requestTimeout is the same for a whole
 * server, and some requests may take as long as something comes.
 */
export const slowClientsPlugin = fp<SlowClientsOptions>(
  async (app, { slowAfterMs }) => {
    const timers = new WeakMap<IncomingMessage, NodeJS.Timeout>()
    const watch = (incoming: IncomingMessage) => {
      if (incoming.complete || incoming.destroyed) return
      timers.set(
        incoming,
        setTimeout(() => incoming.destroy(), slowAfterMs),
      )
    }
    const unwatch = (incoming: IncomingMessage) => clearTimeout(timers.get(incoming))

    // Before any route: also what none is found for, and what is answered before its body is read.
    app.server.on('request', (incoming: IncomingMessage) => {
      if (!hasBody(incoming)) return
      watch(incoming)
      incoming.once('close', () => unwatch(incoming))
    })
    app.decorateRequest('receiving', async function (work) {
      unwatch(this.raw)
      try {
        return await work()
      } finally {
        watch(this.raw)
        // What was not read is passed over, so that the connection can be used again.
        setImmediate(() => this.raw.resume())
      }
    })
  },
  { name: 'slow-clients' },
)

const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

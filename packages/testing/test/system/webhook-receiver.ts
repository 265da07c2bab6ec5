import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { onTestFinished } from 'vitest'

export type WebhookBody = {
  id: string
  type: string
  data: { id: string; state: string; counts: Record<string, number> }
}
export type Hit = {
  path: string
  headers: Record<string, string>
  text: string
  body: WebhookBody
  at: number
}
type Answer = { status: number; headers?: Record<string, string>; delayMs?: number }

export type Receiver = {
  port: number
  url: string
  hits: Hit[]
  /** Of all requests from now on; default 204. */
  answer(how: Answer | ((hit: Hit) => Answer)): void
  /** As if its machine was off: nothing listens. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** An HTTP server that keeps every webhook it gets. It listens at 127.0.0.1 and ends with the test. */
export const startReceiver = async (): Promise<Receiver> => {
  const hits: Hit[] = []
  let answerOf: (hit: Hit) => Answer = () => ({ status: 204 })
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request.setEncoding('utf8')) text += part
    const hit: Hit = {
      path: request.url ?? '',
      headers: request.headers as Record<string, string>,
      text,
      body: JSON.parse(text) as WebhookBody,
      at: performance.now(),
    }
    hits.push(hit)
    const { status, headers, delayMs = 0 } = answerOf(hit)
    const timer = setTimeout(() => response.writeHead(status, headers).end(), delayMs)
    response.once('close', () => clearTimeout(timer))
  })
  let port = 0
  const start = async () => {
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
    port = (server.address() as AddressInfo).port
  }
  const stop = async () => {
    if (!server.listening) return
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  await start()
  onTestFinished(stop)
  return {
    port,
    url: `http://127.0.0.1:${port}/hooks`,
    hits,
    answer: (how) => {
      answerOf = typeof how === 'function' ? how : () => how
    },
    stop,
    start,
  }
}

/** Whether a receiver that knows this secret takes a webhook for genuine, by the public library. */
export const verifies = (secret: string, { text, headers }: Hit): boolean => {
  try {
    new Webhook(secret).verify(text, headers)
    return true
  } catch {
    return false
  }
}

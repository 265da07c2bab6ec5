import {
  type AllowsPrivate,
  guardedConnector,
  orAborted,
  retryAfterMs,
} from '@inventoryrpa/outbound'
import { Webhook } from 'standardwebhooks'
import { Agent, type Dispatcher } from 'undici'

/** Connecting, sending and the head of the answer together. */
const deadlineMs = 10_000
/** Receivers have nothing to say but a status. */
const maxAnswerBytes = 16_384
const longestRetryAfterMs = 3_600_000

export type OutgoingWebhook = {
  id: string
  url: string
  payload: string
  /** Each makes a signature of its own. */
  secrets: readonly string[]
}

export type SentWebhook = {
  status: number | null
  /** In our own words; null when the receiver took it. */
  error: string | null
  /** Milliseconds after which the receiver wants to be asked again. */
  retryAfterMs?: number | undefined
}

export type WebhookSender = {
  /** One attempt. Whatever comes of it is an answer and no exception. */
  send(webhook: OutgoingWebhook): Promise<SentWebhook>
  close(): Promise<void>
}

/** By https://www.standardwebhooks.com: one identity however often it is sent, and a signature a secret. */
const headersOf = ({ id, payload, secrets }: OutgoingWebhook) => {
  const at = new Date()
  return {
    'content-type': 'application/json',
    'user-agent': 'inventoryrpa',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets
      .map((secret) => new Webhook(secret).sign(id, at, payload))
      .join(' '),
  }
}

const one = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header)

const meaningOf = ({ statusCode: status, headers }: Dispatcher.ResponseData): SentWebhook => {
  if (status >= 200 && status < 300) return { status, error: null }
  if (status === 410) return { status, error: 'gone' }
  if (status >= 300 && status < 400) return { status, error: 'redirect_refused' }
  const asked = retryAfterMs(one(headers['retry-after']), one(headers.date), {
    maxMs: longestRetryAfterMs,
  })
  return { status, error: 'http_error', retryAfterMs: asked }
}

/** By code, as undici and Node name them: their messages may repeat what a receiver sent. */
const errorOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: unknown }
  if (name === 'TimeoutError') return 'timeout'
  if (code === 'ERR_ADDRESS_REFUSED') return 'address_refused'
  return typeof code === 'string' ? code : 'failed'
}

/**
 * Sends webhooks to addresses that senders of batches name.
 * @param allowsPrivate whether a host may be in a private network
 * @param perHost connections to one of them at most
 */
export const createWebhookSender = ({
  allowsPrivate,
  perHost,
}: {
  allowsPrivate: AllowsPrivate
  perHost: number
}): WebhookSender => {
  const agent = new Agent({
    allowH2: false,
    pipelining: 1,
    connections: perHost,
    connect: guardedConnector({ connectTimeoutMs: deadlineMs, allowsPrivate }),
  })
  return {
    send: async (webhook) => {
      if (webhook.secrets.length === 0) return { status: null, error: 'no_secret' }
      const signal = AbortSignal.timeout(deadlineMs)
      try {
        const post = () =>
          agent.request({
            ...targetOf(webhook.url),
            method: 'POST',
            headers: headersOf(webhook),
            body: webhook.payload,
            signal,
          })
        const response = await orAborted(post, signal)
        // Read as far as it is short, so that the connection can be used again.
        await response.body.dump({ limit: maxAnswerBytes, signal }).catch(() => undefined)
        return meaningOf(response)
      } catch (error) {
        return { status: null, error: errorOf(error) }
      }
    },
    close: () => agent.destroy(),
  }
}

const targetOf = (url: string) => {
  const { origin, pathname, search } = new URL(url)
  return { origin, path: pathname + search }
}

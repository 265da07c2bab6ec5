import { levelKey } from '@inventoryrpa/inventory'
import { orAborted, retryAfterMs } from '@inventoryrpa/outbound'
import type { Dispatcher, Pool } from 'undici'
import { type Failure, failureOf, SourceFailure } from './failure.ts'
import { type Answer, parseAnswer } from './parse-answer.ts'
import { readBody } from './read-body.ts'

/** One SKU at one location. */
export type StockKey = { readonly sku: string; readonly location: string }

export type LevelsAnswer =
  | ({ outcome: 'answered' } & Answer)
  | { outcome: 'failed'; failure: Failure }

export type RequestOptions = {
  connections: Pool
  path: string
  token: string | undefined
  maxBodyBytes: number
}

/** A source that asks for more is asked again all the same after this. */
const maxRetryAfterMs = 60_000

const one = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header)

/** What an answer without levels means. */
const failureOfStatus = ({ statusCode: status, headers }: Dispatcher.ResponseData): Failure => {
  const retry = retryAfterMs(one(headers['retry-after']), one(headers.date), {
    maxMs: maxRetryAfterMs,
  })
  const detail = `status ${status}`
  if (status === 429 || (status === 503 && retry !== undefined)) {
    return {
      code: 'throttled',
      detail,
      status,
      ...(retry === undefined ? {} : { retryAfterMs: retry }),
    }
  }
  if (status === 401 || status === 403) return { code: 'unauthorized', detail, status }
  if (status >= 300 && status < 400) return { code: 'redirect_refused', detail, status }
  return { code: 'http_error', detail, status }
}

const refuse = (response: Dispatcher.ResponseData, failure: Failure): never => {
  // Its end is not waited for: it may have none.
  response.body.on('error', () => {}).destroy()
  throw new SourceFailure(failure)
}

const isReset = (error: unknown) => failureOf(error).code === 'reset'

/**
 * Asks a source for the levels of these keys, in one request.
 * @param signal aborted with a SourceFailure, which is then the failure answered
 */
export const requestLevels = async (
  items: readonly StockKey[],
  { connections, path, token, maxBodyBytes }: RequestOptions,
  signal: AbortSignal,
): Promise<LevelsAnswer> => {
  const send = () =>
    connections.request({
      method: 'POST',
      path,
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip',
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ items: items.map(({ sku, location }) => ({ sku, location })) }),
      signal,
    })
  const ask = () => orAborted(send, signal)
  try {
    // Once more after a reset: servers close kept connections, also just when one is used again.
    const response = await ask().catch((error) => (isReset(error) ? ask() : Promise.reject(error)))
    if (response.statusCode !== 200) return refuse(response, failureOfStatus(response))
    const type = one(response.headers['content-type'])
    if (!/^application\/json\s*(;|$)/i.test(type ?? '')) {
      return refuse(response, { code: 'invalid_response', detail: 'not application/json' })
    }
    const encoding = one(response.headers['content-encoding'])
    const text = await readBody(response.body, encoding, maxBodyBytes)
    const asked = new Set(items.map(({ sku, location }) => levelKey(sku, location)))
    return { outcome: 'answered', ...parseAnswer(text, asked) }
  } catch (error) {
    return { outcome: 'failed', failure: failureOf(error) }
  }
}

import createFetchClient, { type Client } from 'openapi-fetch'
import type { paths } from './api.ts'
import { createTransport, type Retry, type RetryNotice, type Transport } from './transport.ts'

export type ClientOptions = {
  /** Of the API, without /v1. */
  baseUrl: string
  /** Or a token of the issuer that the API trusts. */
  apiKey: string
  retry?: Retry
  /** Of one attempt that is no upload and no stream, in milliseconds. Default 30,000. */
  timeoutMs?: number
  /** Told before each wait. */
  onRetry?: (notice: RetryNotice) => void
  /** Default: the global one. */
  fetch?: typeof globalThis.fetch
}

export type Connection = {
  baseUrl: string
  /** The operations of the OpenAPI document. They throw what is not a success. */
  api: Client<paths, 'application/json'>
  /** For what is no JSON. */
  send: Transport
}

/** Asking for these twice changes nothing. */
const harmless = /\/(?:cancel|replay|dead-letters\/redrive)$/

const isRepeatable = ({ method, url, headers }: Request) =>
  method !== 'POST' || headers.has('idempotency-key') || harmless.test(new URL(url).pathname)

/** A million lines are reversed in some 20 s, and the API allows for 120. */
const longestMs = 150_000
const isLong = ({ url }: Request) => new URL(url).pathname.endsWith('/reverse')

export const connect = ({
  baseUrl: given,
  apiKey,
  retry = {},
  timeoutMs = 30_000,
  onRetry,
  fetch = globalThis.fetch,
}: ClientOptions): Connection => {
  const baseUrl = given.replace(/\/+$/, '')
  const send = createTransport({ fetch, apiKey, retry, onRetry })
  const api = createFetchClient<paths, 'application/json'>({
    baseUrl,
    fetch: (request) =>
      send(() => request.clone(), {
        repeatable: isRepeatable(request),
        timeoutMs: isLong(request) ? Math.max(timeoutMs, longestMs) : timeoutMs,
      }),
  })
  return { baseUrl, api, send }
}

/** @throws InventoryRpaError, by the connection, before there is anything but data */
export const dataOf = async <T>(answer: Promise<{ data?: T }>): Promise<NonNullable<T>> =>
  (await answer).data as NonNullable<T>

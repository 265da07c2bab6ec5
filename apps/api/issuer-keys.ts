import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTVerifyGetKey,
  type RemoteJWKSet,
} from 'jose'
import { z } from 'zod'

/** The issuer's keys cannot be had, and without them nothing can be said about a token. */
export class IssuerUnavailableError extends Error {
  readonly code = 'ISSUER_UNAVAILABLE'
  override readonly name = 'IssuerUnavailableError'
}

/** Two requests, discovery and keys, have to end within the time that the API has for an answer. */
const requestTimeoutMs = 500
const mostBytes = 1024 * 1024
/** An issuer that failed is left alone for so long. */
export const issuerRetrySeconds = 5
/** Between two requests for keys that the issuer may have added. */
const cooldownMs = 5_000
/** Keys that the issuer has withdrawn are trusted for at most this long while it answers, */
const refreshAfterMs = 600_000
/** and this long while it does not. */
const longestTrustMs = 24 * 3_600_000

/**
 * The keys of an OIDC issuer, found by its discovery document unless their URL is given. Known ones are
 * answered from memory and refreshed behind it, so that they go on while the issuer is away.
 */
export const createIssuerKeys = ({
  issuer,
  jwksUrl,
  onError,
}: {
  issuer: string
  jwksUrl: string | undefined
  onError: (error: unknown) => void
}): JWTVerifyGetKey => {
  let heldUntil = Number.NEGATIVE_INFINITY
  let fetchedAt = Number.NEGATIVE_INFINITY
  let opening: Promise<RemoteJWKSet> | undefined

  const request = async (url: string, signal: AbortSignal): Promise<Response> => {
    if (performance.now() < heldUntil) throw new IssuerUnavailableError('the issuer is left alone')
    try {
      return await readSmall(await fetch(url, { signal, redirect: 'error' }))
    } catch (cause) {
      heldUntil = performance.now() + issuerRetrySeconds * 1_000
      const error = new IssuerUnavailableError(`no answer from the token issuer at ${url}`, {
        cause,
      })
      onError(error)
      throw error
    }
  }
  const fetchKeys: FetchImplementation = async (url, { signal }) => {
    const answer = await request(url, signal)
    fetchedAt = performance.now()
    return answer
  }
  const open = async () =>
    createRemoteJWKSet(new URL(jwksUrl ?? (await discover(issuer, request))), {
      timeoutDuration: requestTimeoutMs,
      cooldownDuration: cooldownMs,
      cacheMaxAge: Number.POSITIVE_INFINITY,
      [customFetch]: fetchKeys,
    })

  return async (header, token) => {
    opening ??= open()
    const keys = await opening.catch((error: unknown) => {
      opening = undefined
      throw error
    })
    const age = performance.now() - fetchedAt
    if (Number.isFinite(age) && age > longestTrustMs) await keys.reload()
    else if (Number.isFinite(age) && age > refreshAfterMs) keys.reload().catch(() => {})
    return keys(header, token)
  }
}

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) })

/** OpenID Connect Discovery 1.0: the document must name the issuer that was asked. */
const discover = async (
  issuer: string,
  request: (url: string, signal: AbortSignal) => Promise<Response>,
): Promise<string> => {
  const answer = await request(discoveryUrl(issuer), AbortSignal.timeout(requestTimeoutMs))
  const found = discovery.safeParse(await answer.json().catch(() => undefined))
  if (!found.success || found.data.issuer !== issuer) {
    throw new IssuerUnavailableError(`${discoveryUrl(issuer)} is not the document of this issuer`)
  }
  return found.data.jwks_uri
}

export const discoveryUrl = (issuer: string) =>
  `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`

/** An endless answer is not kept. */
const readSmall = async (answer: Response): Promise<Response> => {
  if (answer.status !== 200) throw new Error(`it answered ${answer.status}`)
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of answer.body ?? []) {
    bytes += part.byteLength
    if (bytes > mostBytes) throw new Error(`its answer is longer than ${mostBytes} bytes`)
    parts.push(part)
  }
  return new Response(Buffer.concat(parts))
}

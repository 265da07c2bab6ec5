import { errors } from 'undici'

/**
 * Why a source gave no usable answer. Stable: metrics and records carry it.
 *
 * - `timeout`: no complete answer before the deadline
 * - `connection_failed`: no connection: refused, unknown host, unreachable, TLS
 * - `reset`: the connection broke before the answer was complete
 * - `http_error`: any other status than 200, see `status`
 * - `unauthorized`: 401 or 403
 * - `redirect_refused`: 3xx; a redirect could lead anywhere
 * - `throttled`: 429, or 503 with Retry-After; also while that time is not over
 * - `too_large`: more bytes than allowed, in the headers, on the wire or decompressed
 * - `invalid_response`: not HTTP, not JSON, or in an encoding nobody asked for
 * - `wrong_schema`: JSON that breaks the contract, or answers other keys than were asked for
 * - `address_refused`: the host has no address that may be connected to
 * - `circuit_open`: not asked, because it failed too often
 * - `outpaced`: the backup, started later, answered first
 * - `stale`: all it knows is older than allowed
 * - `aborted`: no longer needed
 */
export type FailureCode =
  | 'timeout'
  | 'connection_failed'
  | 'reset'
  | 'http_error'
  | 'unauthorized'
  | 'redirect_refused'
  | 'throttled'
  | 'too_large'
  | 'invalid_response'
  | 'wrong_schema'
  | 'address_refused'
  | 'circuit_open'
  | 'outpaced'
  | 'stale'
  | 'aborted'

export type Failure = {
  readonly code: FailureCode
  /** For people, in our own words: never text of the source, a URL or a credential. */
  readonly detail: string
  /** The HTTP status, where there was one. */
  readonly status?: number
  /** Milliseconds the source asked to be left alone for. */
  readonly retryAfterMs?: number
}

/** Carries a failure to where a read ends, through streams and abort signals. Never leaves the package. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure'
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.detail)
    this.failure = failure
  }
}

/** https://undici.nodejs.org/#/docs/api/Errors and Node's system errors, where the class is not plain. */
const classes: readonly (readonly [RegExp, FailureCode])[] = [
  [/^ERR_ADDRESS_REFUSED$/, 'address_refused'],
  [/TIMEDOUT$|_TIMEOUT$/, 'timeout'],
  [/^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/, 'reset'],
  [/^UND_ERR_(HEADERS_OVERFLOW|RES_EXCEEDED_MAX_SIZE)$/, 'too_large'],
  // zlib and the UTF-8 decoder.
  [/^(Z_|ERR_ENCODING_)/, 'invalid_response'],
]

/**
 * Classifies what a request failed with, by its code. Whatever a source does, it is a failure of the
 * source and no exception of ours: what is not known is told by its class name.
 */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof SourceFailure) return error.failure
  if (error instanceof errors.HTTPParserError)
    return { code: 'invalid_response', detail: 'no HTTP' }
  const given = error instanceof Error && 'code' in error ? error.code : undefined
  const detail = typeof given === 'string' ? given : error instanceof Error ? error.name : 'unknown'
  const known = classes.find(([pattern]) => pattern.test(detail))
  return { code: known?.[1] ?? 'connection_failed', detail }
}

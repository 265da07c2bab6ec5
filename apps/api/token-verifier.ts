import { name, scopes } from '@inventoryrpa/contracts'
import { type ApiKey, findTenant, type LedgerDatabase } from '@inventoryrpa/ledger'
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { IssuerUnavailableError, issuerRetrySeconds } from './issuer-keys.ts'
import { ProblemError } from './plugins/problems.ts'

/** @returns whose token it is, or why it opens nothing */
export type VerifyToken = (token: string) => Promise<ApiKey | string>

export type TokenVerifierOptions = {
  db: LedgerDatabase
  issuer: string
  audience: string
  /** The claim that names the tenant. */
  tenantClaim: string
  keys: JWTVerifyGetKey
}

/** Signatures that need a private key, never a shared secret and never none. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]
const clockToleranceSeconds = 30

/** OpenID Connect Core 1.0, 2: at most 255 characters. */
const subject = name(255)
const tenantName = name(64)
const knownScopes = new Set<string>(scopes)

/** Takes access tokens of one OIDC issuer for API keys: `jwt:<sub>` of the tenant that a claim names. */
export const createTokenVerifier =
  ({ db, issuer, audience, tenantClaim, keys }: TokenVerifierOptions): VerifyToken =>
  async (token) => {
    const verified = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms,
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp', 'sub'],
    }).catch(refusalOf)
    if (typeof verified === 'string') return verified
    const { payload } = verified
    const sub = subject.safeParse(payload.sub)
    if (!sub.success) return 'the token names no subject of 1 to 255 characters'
    const tenant = tenantName.safeParse(
      Object.hasOwn(payload, tenantClaim) ? payload[tenantClaim] : undefined,
    )
    const tenantId = tenant.success ? await findTenant(db, tenant.data) : undefined
    if (tenantId === undefined) return `the claim ${tenantClaim} of the token names no tenant`
    return {
      id: `jwt:${sub.data}`,
      tenantId,
      scopes: scopesOf(payload),
      endsInMs: ((payload.exp ?? 0) + clockToleranceSeconds) * 1_000 - Date.now(),
    }
  }

/** Of the issuer, as RFC 9068 writes them and as others do. */
const scopesOf = ({ scope, scp }: JWTPayload): Set<string> =>
  new Set(
    [scope, scp]
      .flatMap((given) => (typeof given === 'string' ? given.split(' ') : given))
      .filter((given) => typeof given === 'string' && knownScopes.has(given)),
  ) as Set<string>

/** Those that say something about the issuer, not about the token. */
const isIssuersFault = (error: unknown) =>
  error instanceof IssuerUnavailableError ||
  error instanceof errors.JWKSInvalid ||
  error instanceof errors.JWKSTimeout

/** @returns what is wrong with the token @throws ProblemError when nobody can say */
const refusalOf = (error: unknown): string => {
  if (isIssuersFault(error)) {
    const detail = 'the keys of the token issuer cannot be had'
    throw new ProblemError('unavailable', detail, {
      retryAfterSeconds: issuerRetrySeconds,
      cause: error,
    })
  }
  if (error instanceof errors.JWTExpired) return 'the token has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `the claim ${error.claim} of the token does not hold`
  }
  return 'it is neither an API key nor a token of the issuer'
}

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

type Claims = Record<string, unknown>
type Pair = Awaited<ReturnType<typeof generateKeyPair>>

export type TestIssuer = {
  url: string
  audience: string
  /** Signs with the newest key, or the one of this id; a claim given as undefined is left out. */
  token(claims?: Claims, header?: { kid?: string }): Promise<string>
  /** A further key signs from now on; it is published at once. */
  addKey(alg?: string): Promise<void>
  /** Signs a token with a key that the issuer never published, by the id of one that it did. */
  forge(claims?: Claims): Promise<string>
  publicKey(): Promise<Record<string, unknown>>
  /** How often its keys were asked for. */
  reads(): number
  /** While it is away, it answers 500. */
  setAway(away: boolean): void
  close(): Promise<void>
}

/** An OpenID Connect issuer: its discovery document, its keys and tokens signed by them. */
export const startTestIssuer = async (): Promise<TestIssuer> => {
  const audience = 'inventoryrpa'
  const published: { kid: string; alg: string; pair: Pair }[] = []
  let reads = 0
  let away = false
  const server = createServer(async (request, response) => {
    const answer = (body: object) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    if (away) response.writeHead(500).end()
    else if (request.url === '/.well-known/openid-configuration') {
      answer({ issuer: url(), jwks_uri: `${url()}/keys` })
    } else if (request.url === '/keys') {
      reads += 1
      const keys = published.map(async ({ kid, alg, pair }) => ({
        ...(await exportJWK(pair.publicKey)),
        kid,
        alg,
        use: 'sig',
      }))
      answer({ keys: await Promise.all(keys) })
    } else response.writeHead(404).end()
  })
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await listening

  const addKey = async (alg = 'ES256') => {
    const pair = await generateKeyPair(alg, { extractable: true })
    published.push({ kid: `key-${published.length + 1}`, alg, pair })
  }
  await addKey()
  const newest = () => published.at(-1) as (typeof published)[number]
  const sign = (claims: Claims, header: { alg: string; kid: string }, pair: Pair) => {
    const now = Math.floor(Date.now() / 1_000)
    const all = {
      ...{ iss: url(), aud: audience, sub: 'robot', iat: now, exp: now + 300, tenant: 'test' },
      ...claims,
    }
    const given = Object.entries(all).filter(([, value]) => value !== undefined)
    return new SignJWT(Object.fromEntries(given)).setProtectedHeader(header).sign(pair.privateKey)
  }
  return {
    get url() {
      return url()
    },
    audience,
    addKey,
    token: (claims = {}, header = {}) => {
      const { alg, kid, pair } = published.find((key) => key.kid === header.kid) ?? newest()
      return sign(claims, { alg, kid, ...header }, pair)
    },
    forge: async (claims = {}) => {
      const { alg, kid } = newest()
      return sign(claims, { alg, kid }, await generateKeyPair(alg))
    },
    publicKey: async () => exportJWK(newest().pair.publicKey),
    reads: () => reads,
    setAway: (value) => {
      away = value
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

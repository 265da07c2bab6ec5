import { isIP } from 'node:net'
import {
  ConfigError,
  commonConfig,
  name,
  parseConfig,
  port,
  secret,
  wholeNumber,
} from '@inventoryrpa/contracts'
import { z } from 'zod'

const credential = (what: string) =>
  name(128).meta({ description: `must be ${what} of 1 to 128 characters` })

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/
const isSafe = (text: string) => {
  const url = URL.parse(text)
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback.test(url.hostname))
}
const safeUrl = (what: string) =>
  z
    .string()
    .refine(isSafe)
    .meta({ description: `must be ${what}: an https URL, or http on this machine` })

/** An address or a network of them, as 10.0.0.0/8. */
const isNetwork = (text: string) => {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  )
}
const networks = z
  .string()
  .transform((text) => text.split(',').map((it) => it.trim()))
  .pipe(z.array(z.string().refine(isNetwork)))
  .meta({ description: 'must be addresses or networks such as 10.0.0.0/8, with commas between' })

const schema = z.object({
  ...commonConfig,
  HOST: z
    .string()
    .min(1)
    .meta({ description: 'must be a host name or address' })
    .default('0.0.0.0'),
  PORT: port.default(3000),
  OPS_PORT: port.default(3001),
  OPS_USER: credential('a user name'),
  OPS_PASSWORD: secret(credential('a password')),
  DATABASE_CONNECTIONS: wholeNumber('connections to PostgreSQL', 1, 1_000).default(10),
  // The workers read it. Here it only says whether lines that need it can be accepted.
  STOCK_SOURCE_URL: secret(
    z.string().meta({ description: 'must be as for the workers' }),
  ).optional(),
  EVENT_STREAMS: wholeNumber('streams of events that may be open at once', 1, 100_000).default(
    1_000,
  ),
  EVENT_HEARTBEAT_MS: wholeNumber(
    'milliseconds between two comments on a stream of events',
    100,
    600_000,
  ).default(15_000),
  UPLOAD_MAX_BYTES: wholeNumber('bytes that an upload decodes to at most', 1, 2 ** 40).default(
    4 * 2 ** 30,
  ),
  UPLOADS_AT_ONCE: wholeNumber('uploads that are received at once', 1, 100).default(2),
  CHUNK_LINES: wholeNumber('lines a chunk holds at most', 1, 10_000).default(1_000),
  RATE_LIMIT_PER_SECOND: wholeNumber(
    'requests a second of one key, 0 for any number',
    0,
    1_000_000,
  ).default(1_000),
  BACKLOG_LIMIT_LINES: wholeNumber(
    'lines that wait at most, 0 for any number',
    0,
    1_000_000_000_000,
  ).default(20_000_000),
  TRUSTED_PROXIES: networks.default([]),
  OIDC_ISSUER: safeUrl('the issuer as its tokens name it').optional(),
  OIDC_AUDIENCE: name(255)
    .meta({ description: 'must be the audience that tokens are for, 1 to 255 characters' })
    .optional(),
  OIDC_TENANT_CLAIM: name(128)
    .meta({ description: 'must be the name of a claim, 1 to 128 characters' })
    .default('tenant'),
  OIDC_JWKS_URL: safeUrl("where the issuer's keys are").optional(),
})

export type Config = Readonly<z.infer<typeof schema>>

/** @throws ConfigError naming every wrong variable */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const config = parseConfig(schema, env)
  // Whoever takes tokens for anyone takes those that were made for others.
  if (config.OIDC_ISSUER && !config.OIDC_AUDIENCE) {
    throw new ConfigError(
      'Invalid configuration.\n  OIDC_AUDIENCE (not set): must be set beside OIDC_ISSUER',
    )
  }
  return config
}

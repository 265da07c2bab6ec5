import { commonConfig, name, parseConfig, port, secret, wholeNumber } from '@inventoryrpa/contracts'
import { z } from 'zod'

const credential = (what: string) =>
  name(128).meta({ description: `must be ${what} of 1 to 128 characters` })

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
})

export type Config = Readonly<z.infer<typeof schema>>

/** @throws ConfigError naming every wrong variable */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config =>
  parseConfig(schema, env)

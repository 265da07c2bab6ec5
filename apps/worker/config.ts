import { commonConfig, parseConfig, port, wholeNumber } from '@inventoryrpa/contracts'
import { z } from 'zod'

const schema = z.object({
  ...commonConfig,
  OPS_PORT: port.default(3002),
  WORKER_CONCURRENCY: wholeNumber('chunks applied at once', 1, 64).default(1),
  SHUTDOWN_GRACE_MS: wholeNumber('milliseconds to finish what is in hand', 100, 3_600_000).default(
    30_000,
  ),
})

export type Config = Readonly<z.infer<typeof schema>>

/** @throws ConfigError naming every wrong variable */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config =>
  parseConfig(schema, env)

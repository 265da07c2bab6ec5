import { commonConfig, parseConfig, port, wholeNumber } from '@inventoryrpa/contracts'
import { stockSourceConfig } from '@inventoryrpa/stock-source'
import { z } from 'zod'

const schema = z.object({
  ...commonConfig,
  OPS_PORT: port.default(3002),
  WORKER_CONCURRENCY: wholeNumber('chunks applied at once', 1, 64).default(1),
  SYNC_CONCURRENCY: wholeNumber('chunks that need the stock source, at once', 1, 64).default(4),
  RECOUNT_AFTER_SECONDS: wholeNumber(
    'seconds until an open discrepancy is compared with the source again',
    1,
    86_400,
  ).default(300),
  ...stockSourceConfig,
  SHUTDOWN_GRACE_MS: wholeNumber('milliseconds to finish what is in hand', 100, 3_600_000).default(
    30_000,
  ),
})

export type Config = Readonly<z.infer<typeof schema>>

/** @throws ConfigError naming every wrong variable */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config =>
  parseConfig(schema, env)

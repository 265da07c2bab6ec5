import { commonConfig, parseConfig, port, wholeNumber } from '@inventoryrpa/contracts'
import { z } from 'zod'

const schema = z.object({
  DATABASE_URL: commonConfig.DATABASE_URL.optional(),
  REDIS_URL: commonConfig.REDIS_URL,
  PORT: port.optional(),
  OPS_PORT: port.optional(),
  WORKERS: wholeNumber('the number of worker processes', 1, 64).default(2),
})

export type LocalConfig = Readonly<z.infer<typeof schema>>

/**
 * What the user may override when all runs on one machine.
 * @throws ConfigError naming each wrong variable, its value unless secret, and what is allowed
 */
export const readLocalConfig = (env: Record<string, string | undefined>): LocalConfig =>
  parseConfig(schema, env)

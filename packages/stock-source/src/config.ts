import { ConfigError, secret, wholeNumber } from '@inventoryrpa/contracts'
import { z } from 'zod'
import { defaults, type StockSourceOptions } from './options.ts'
import { isSourceUrl, isToken } from './source-url.ts'

/** A URL may name a host that is nobody's business, so it is not shown either. */
const url = secret(
  z.string().refine(isSourceUrl).meta({
    description:
      'must be a URL that starts with http:// or https://, without user, password, query and fragment',
  }),
).optional()
const token = secret(
  z
    .string()
    .refine(isToken)
    .meta({ description: 'must be 1 to 4096 letters, digits and signs, without blanks' }),
).optional()

/** What is read from the environment about the stock source. Without STOCK_SOURCE_URL there is none. */
export const stockSourceConfig = {
  STOCK_SOURCE_URL: url,
  STOCK_SOURCE_TOKEN: token,
  STOCK_SOURCE_BACKUP_URL: url,
  STOCK_SOURCE_BACKUP_TOKEN: token,
  STOCK_SOURCE_DEADLINE_MS: wholeNumber(
    'milliseconds for one read of the primary, and again for one of the backup',
    50,
    60_000,
  ).default(defaults.deadlineMs),
  STOCK_SOURCE_FAILOVER: z
    .enum(['immediate', 'hedged'])
    .meta({ description: 'must be immediate or hedged' })
    .default('immediate'),
  STOCK_SOURCE_HEDGE_AFTER_MS: wholeNumber(
    'milliseconds after which a hedged read asks the backup as well',
    1,
    60_000,
  ).default(defaults.hedgeAfterMs),
  STOCK_SOURCE_STALE_AFTER_MS: wholeNumber(
    'milliseconds beyond which what a source knows is stale',
    1_000,
    7 * 86_400_000,
  ).default(defaults.staleAfterMs),
  STOCK_SOURCE_BREAKER_FAILURES: wholeNumber(
    'consecutive failures that open a breaker',
    1,
    1_000,
  ).default(defaults.breaker.opensAfter.consecutive),
  STOCK_SOURCE_BREAKER_OPEN_MS: wholeNumber(
    'milliseconds a breaker stays open before it probes',
    100,
    3_600_000,
  ).default(defaults.breaker.openMs),
  STOCK_SOURCE_ALLOW_PRIVATE: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .meta({ description: 'must be true or false: whether sources may be in private networks' })
    .default(false),
}

type Config = z.infer<z.ZodObject<typeof stockSourceConfig>>

/**
 * The options for createStockSource, without onEvent.
 * @returns undefined when no stock source is configured
 * @throws ConfigError for a backup without a primary
 */
export const stockSourceOptions = (config: Readonly<Config>): StockSourceOptions | undefined => {
  if (config.STOCK_SOURCE_URL === undefined) {
    if (config.STOCK_SOURCE_BACKUP_URL === undefined) return undefined
    throw new ConfigError('STOCK_SOURCE_BACKUP_URL is set, but STOCK_SOURCE_URL is not.')
  }
  const deadlineMs = config.STOCK_SOURCE_DEADLINE_MS
  return {
    primary: { url: config.STOCK_SOURCE_URL, token: config.STOCK_SOURCE_TOKEN, deadlineMs },
    backup:
      config.STOCK_SOURCE_BACKUP_URL === undefined
        ? undefined
        : {
            url: config.STOCK_SOURCE_BACKUP_URL,
            token: config.STOCK_SOURCE_BACKUP_TOKEN,
            deadlineMs,
          },
    failover:
      config.STOCK_SOURCE_FAILOVER === 'hedged'
        ? { mode: 'hedged', hedgeAfterMs: config.STOCK_SOURCE_HEDGE_AFTER_MS }
        : { mode: 'immediate' },
    staleAfterMs: config.STOCK_SOURCE_STALE_AFTER_MS,
    breaker: {
      opensAfter: { consecutive: config.STOCK_SOURCE_BREAKER_FAILURES },
      openMs: config.STOCK_SOURCE_BREAKER_OPEN_MS,
    },
    allowPrivateAddresses: config.STOCK_SOURCE_ALLOW_PRIVATE,
  }
}

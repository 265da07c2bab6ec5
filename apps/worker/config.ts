import { commonConfig, parseConfig, port, queueKinds, wholeNumber } from '@inventoryrpa/contracts'
import { stockSourceConfig } from '@inventoryrpa/stock-source'
import { z } from 'zod'

const most = 64
/** One number keeps it fixed. */
const bounds = z
  .string()
  .regex(/^\d{1,2}(-\d{1,2})?$/)
  .transform((text) => text.split('-').map(Number))
  .transform(([min = 0, max = min]) => ({ min, max }))
  .refine(({ min, max }) => min >= 1 && min <= max && max <= most)
  .meta({
    description: `must be jobs in hand at once, a whole number from 1 to ${most}, or bounds such as 1-4`,
  })

const queues = z
  .string()
  .transform((text) => (text === 'all' ? [...queueKinds] : text.split(',').map((it) => it.trim())))
  .pipe(z.array(z.string().pipe(z.enum(queueKinds))))
  .meta({
    description:
      'must be all, or some of apply (large chunks), express (small ones), sync (what needs the stock source) and plan (what is looked at before it is applied) with commas between',
  })

const schema = z.object({
  ...commonConfig,
  OPS_PORT: port.default(3002),
  SYNC_CONCURRENCY: wholeNumber('chunks that need the stock source, at once', 1, 64).default(4),
  RECOUNT_AFTER_SECONDS: wholeNumber(
    'seconds until an open discrepancy is compared with the source again',
    1,
    86_400,
  ).default(300),
  ...stockSourceConfig,
  WORKER_CONCURRENCY: bounds.default({ min: 1, max: 4 }),
  WORKER_QUEUES: queues.default([...queueKinds]),
  WEBHOOK_BACKOFF_MS: wholeNumber(
    'milliseconds before a webhook is attempted again for the first time',
    1,
    3_600_000,
  ).default(5_000),
  WATCHDOG_MS: z
    .union([z.literal('0').transform(Number), wholeNumber('', 5_000, 3_600_000)])
    .meta({
      description:
        'must be milliseconds without progress until a worker ends itself, a whole number from 5000 to 3600000, or 0 for never',
    })
    .default(60_000),
  SHUTDOWN_GRACE_MS: wholeNumber('milliseconds to finish what is in hand', 100, 3_600_000).default(
    30_000,
  ),
})

export type Config = Readonly<z.infer<typeof schema>>

/** @throws ConfigError naming every wrong variable */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config =>
  parseConfig(schema, env)

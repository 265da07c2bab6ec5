import { type ReleaseHeldJob, releaseHeldJob } from '@inventoryrpa/contracts'
import {
  type LedgerDatabase,
  listSourceKeys,
  type Readings,
  releaseHeldLines,
  type StockKey,
} from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import type { JobHandler } from '@inventoryrpa/queue'

export type ReleaseHeldDeps = {
  db: LedgerDatabase
  logger: Logger
  metrics: Metrics
  /** What the stock source says of levels. */
  read: (keys: StockKey[]) => Promise<Readings>
}

/** Asks the source again for lines that are held. Those that stay held are asked for again later. */
export const releaseHeldHandler = ({
  db,
  logger,
  metrics,
  read,
}: ReleaseHeldDeps): JobHandler<ReleaseHeldJob> => ({
  payload: releaseHeldJob,

  run: async ({ payload: { batchId, chunk } }) => {
    const ref = { batchId, chunk }
    const readings = await read(await listSourceKeys(db, ref))
    const released = await releaseHeldLines(db, ref, readings)
    if (!released) return
    metrics.lines.inc({ outcome: 'applied' }, released.applied)
    metrics.lines.inc({ outcome: 'rejected' }, released.rejected)
    const { applied, rejected, held } = released
    logger.info({ batchId, chunk, applied, rejected, held }, 'held lines looked at')
  },

  // The relay asks again as long as lines are held.
  onExhausted: async ({ payload: { batchId } }, error) => {
    logger.warn({ batchId, err: error }, 'held lines not released')
    return 'failed'
  },
})

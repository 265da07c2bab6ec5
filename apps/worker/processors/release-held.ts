import { type ReleaseHeldJob, releaseHeldJob } from '@inventoryrpa/contracts'
import { type LedgerDatabase, listSourceKeys, releaseHeldLines } from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import type { JobHandler } from '@inventoryrpa/queue'
import type { StockSource } from '@inventoryrpa/stock-source'
import { readSource } from '../source-readings.ts'

export type ReleaseHeldDeps = {
  db: LedgerDatabase
  logger: Logger
  metrics: Metrics
  source: StockSource
}

/** Asks the source again for lines that are held. Those that stay held are asked for again later. */
export const releaseHeldHandler = ({
  db,
  logger,
  metrics,
  source,
}: ReleaseHeldDeps): JobHandler<ReleaseHeldJob> => ({
  payload: releaseHeldJob,

  run: async ({ payload: { batchId, chunk } }) => {
    const ref = { batchId, chunk }
    const readings = await readSource(source, await listSourceKeys(db, ref))
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

import { maxBatchLines, type SubmitSyncJob, submitSyncJob } from '@inventoryrpa/contracts'
import {
  acceptBatch,
  findSchedule,
  type LedgerDatabase,
  listScheduledLevels,
  noteScheduledBatch,
  type StockKey,
} from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import type { JobHandler } from '@inventoryrpa/queue'
import type { EnqueueChunks } from '../turns.ts'

export type SubmitSyncDeps = {
  db: LedgerDatabase
  logger: Logger
  enqueueChunks: EnqueueChunks
}

/** One question to a source. */
const chunkLines = 500

/**
 * Submits syncs of all levels that a schedule covers. The job's id is part of each batch's idempotency
 * key: run again, it finds the batches that it submitted before.
 */
export const submitSyncHandler = ({
  db,
  logger,
  enqueueChunks,
}: SubmitSyncDeps): JobHandler<SubmitSyncJob> => ({
  payload: submitSyncJob,

  run: async ({ id, payload: { scheduleId } }) => {
    const schedule = await findSchedule(db, scheduleId)
    if (!schedule) return
    let after: StockKey | undefined
    for (let part = 0; ; part += 1) {
      const levels = await listScheduledLevels(db, schedule, maxBatchLines, after)
      if (levels.length === 0) return
      const key = `schedule:${id}:${part}`
      const accepted = await acceptBatch(
        db,
        {
          tenantId: schedule.tenant_id,
          reference: `schedule ${schedule.name}`,
          mode: 'apply',
          negativeStock: 'allow',
          lines: levels.map((level) => ({ type: 'sync', ...level })),
          idempotency: { key, bodySha256: Buffer.from(key) },
        },
        { maxChunkLines: chunkLines },
      )
      if (accepted.outcome === 'accepted') {
        await enqueueChunks(accepted.chunks)
        await noteScheduledBatch(db, scheduleId, accepted.batch.id)
        const context = { schedule: schedule.name, batchId: accepted.batch.id }
        logger.info({ ...context, lines: levels.length }, 'scheduled sync submitted')
      }
      after = levels.at(-1)
    }
  },

  onExhausted: async ({ payload: { scheduleId } }, error) => {
    logger.error({ scheduleId, err: error }, 'scheduled sync not submitted')
    return 'failed'
  },
})

import { type ApplyChunkJob, applyChunkJob } from '@inventoryrpa/contracts'
import {
  applyChunk,
  LedgerConflictError,
  type LedgerDatabase,
  LedgerUnavailableError,
  markChunkDead,
} from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import type { JobHandler } from '@inventoryrpa/queue'

export type ApplyChunkDeps = {
  db: LedgerDatabase
  logger: Logger
  metrics: Metrics
  report: (error: unknown, context: Record<string, unknown>) => void
}

/** Applies a chunk; when its attempts are used up its lines are dead, until someone runs the job again. */
export const applyChunkHandler = ({
  db,
  logger,
  metrics,
  report,
}: ApplyChunkDeps): JobHandler<ApplyChunkJob> => ({
  payload: applyChunkJob,

  run: async ({ id, payload: { batchId, chunk }, attempt }) => {
    const log = logger.child({ batchId, jobId: id, attempt })
    try {
      const result = await applyChunk(db, { batchId, chunk })
      if (result.outcome === 'settled') {
        const { applied, rejected } = result
        metrics.lines.inc({ outcome: 'applied' }, applied)
        metrics.lines.inc({ outcome: 'rejected' }, rejected)
        log.debug({ applied, rejected }, 'chunk settled')
        if (result.batchCompleted) log.info('batch completed')
      } else log.info(`chunk ${result.outcome}`)
    } catch (error) {
      log.warn({ err: error }, 'chunk not applied')
      throw error
    }
  },

  onExhausted: async ({ id, payload: { batchId, chunk }, attempt }, error) => {
    // The ledger's absence says nothing about the chunk: the relay runs it again once the ledger is back.
    if (error instanceof LedgerUnavailableError || error instanceof LedgerConflictError) return
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
    const isNew = await markChunkDead(db, { batchId, chunk }, { code, message: error.message })
    const context = { batchId, jobId: id, attempt }
    logger.error({ ...context, err: error }, 'chunk is dead: its attempts are used up')
    if (isNew) report(error, context)
  },
})

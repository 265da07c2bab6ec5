import { type ApplyChunkJob, applyChunkJob } from '@inventoryrpa/contracts'
import {
  applyChunk,
  applyChunkAndWaiting,
  LedgerConflictError,
  type LedgerDatabase,
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

/** Lines that one transaction applies at most, or about so: it holds their levels for some 200 ms. */
const maxLinesTogether = 8_000

/**
 * Applies a chunk, and while a backlog waits behind it, as much of that. A chunk that failed before,
 * or took its worker with it, is applied alone, so that its fault meets no other. When its attempts
 * are used up its lines are dead, until someone runs the job again.
 */
export const applyChunkHandler = ({
  db,
  logger,
  metrics,
  report,
}: ApplyChunkDeps): JobHandler<ApplyChunkJob> => ({
  payload: applyChunkJob,

  run: async ({ id, payload: { batchId, chunk }, attempt, stalls }) => {
    const firstDelivery = attempt === 1 && stalls === 0
    const log = logger.child({ batchId, jobId: id, attempt })
    const ref = { batchId, chunk }
    try {
      const { own, chunks, applied, rejected, completedBatches } = firstDelivery
        ? await applyChunkAndWaiting(db, ref, { maxLines: maxLinesTogether })
        : await applyChunk(db, ref)
      metrics.lines.inc({ outcome: 'applied' }, applied)
      metrics.lines.inc({ outcome: 'rejected' }, rejected)
      // In a backlog most chunks were applied with one before them when their own job comes.
      const ordinary = own === 'settled' || (own === 'already-settled' && firstDelivery)
      log[ordinary ? 'debug' : 'info']({ chunks, applied, rejected }, `chunk ${own}`)
      for (const completed of completedBatches) {
        log.info({ batchId: completed }, 'batch completed')
      }
    } catch (error) {
      log.warn({ err: error }, 'chunk not applied')
      throw error
    }
  },

  onExhausted: async ({ id, payload: { batchId, chunk }, attempt }, error) => {
    // A lost race says nothing about the chunk: the relay runs it again.
    if (error instanceof LedgerConflictError) return 'failed'
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
    const isNew = await markChunkDead(db, { batchId, chunk }, { code, message: error.message })
    const context = { batchId, jobId: id, attempt }
    logger.error({ ...context, err: error }, 'chunk is dead: its attempts are used up')
    if (isNew) report(error, context)
    return 'failed'
  },
})

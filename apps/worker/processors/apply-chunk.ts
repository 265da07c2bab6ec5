import { type ApplyChunkJob, applyChunkJob } from '@inventoryrpa/contracts'
import {
  type AcceptedChunk,
  applyChunk,
  applyChunkAndWaiting,
  type ChunkRef,
  type ChunkResult,
  type LedgerDatabase,
  markChunkDead,
  type Readings,
  recordFailedAttempt,
  suspectChunks,
} from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import type { JobHandler, JobRun } from '@inventoryrpa/queue'
import { codeOf, isLostRace, isOfLaterRelease } from '../error-code.ts'
import type { EnqueueChunks, Turns } from '../turns.ts'
import { bisectChunk } from './bisect-chunk.ts'
import { ProcessDiedError } from './isolated-apply.ts'

export type ApplyChunkDeps = {
  db: LedgerDatabase
  logger: Logger
  metrics: Metrics
  /** Shown in the history of attempts. */
  workerName: string
  /** Reads the stock source for a chunk; absent where the ledger alone can settle it. */
  readings?: (ref: ChunkRef) => Promise<Readings>
  /** Applies a chunk in a process of its own. @throws ProcessDiedError when that ends by it */
  applyIsolated: (ref: ChunkRef, readings?: Readings) => Promise<ChunkResult>
  /** Whether those that wait behind a chunk are applied together with it. */
  takesWaiting: boolean
  /** Adds jobs for chunks that others were split into, or that are to be applied as planned. */
  enqueueChunks: EnqueueChunks
  turns: Turns
  /** Told when batches were completed. */
  onCompleted: () => void
  /** Lines that one transaction applies at most, or about so. */
  maxLinesTogether: number
  report: (error: unknown, context: Record<string, unknown>) => void
}

/** A worker may end once with a chunk in hand for any reason; the second time the chunk may be the reason. */
const stallsBeforeIsolation = 2

/** The stock source that failed, if one did. */
const sourceOf = (error: Error) =>
  'source' in error && typeof error.source === 'string' ? error.source : undefined

/**
 * Applies a chunk, and while a backlog waits behind it, as much of that. A chunk that failed before,
 * or took its worker with it, is applied alone, so that its fault meets no other; one that did so twice
 * in a process of its own. When its attempts are used up it is split until the fault is one line, and
 * that line is dead until someone runs its job again.
 */
export const applyChunkHandler = (deps: ApplyChunkDeps): JobHandler<ApplyChunkJob> => {
  const { db, logger, metrics, turns, maxLinesTogether, report } = deps

  const count = (result: ChunkResult) => {
    for (const outcome of ['applied', 'rejected', 'held'] as const) {
      metrics.lines.inc({ outcome }, result[outcome])
    }
    if (result.completedBatches.length > 0) deps.onCompleted()
    for (const batchId of result.completedBatches) logger.info({ batchId }, 'batch completed')
  }
  const enqueue = async (chunks: readonly AcceptedChunk[]) => {
    if (chunks.length === 0) return
    await deps
      .enqueueChunks(chunks)
      .catch((err: unknown) => logger.warn({ err }, 'not enqueued; the relay will'))
  }
  const applyAlone = async (ref: ChunkRef) => applyChunk(db, ref, await deps.readings?.(ref))
  const applyIsolated = async (ref: ChunkRef) => deps.applyIsolated(ref, await deps.readings?.(ref))
  const apply = async (job: JobRun<ApplyChunkJob>) => {
    const { payload, attempt, stalls } = job
    const ref = { batchId: payload.batchId, chunk: payload.chunk }
    if (payload.isolated || stalls >= stallsBeforeIsolation) return applyIsolated(ref)
    if (stalls > 0) await suspectChunks(db, ref, maxLinesTogether)
    return attempt === 1 && stalls === 0 && deps.takesWaiting
      ? applyChunkAndWaiting(db, ref, {
          maxLines: maxLinesTogether,
          givesWay: turns.givesWay(job),
        })
      : applyAlone(ref)
  }

  return {
    payload: applyChunkJob,

    run: async (job) => {
      const { id, attempt, stalls, payload } = job
      const log = logger.child({ batchId: payload.batchId, jobId: id, attempt })
      try {
        const early = await turns.take(job)
        if (early) return early
        const result = await apply(job)
        if (result.own === 'outranked') return await turns.putBehind(job)
        await enqueue(result.released ?? [])
        const { own, chunks, applied, rejected } = result
        // In a backlog most chunks were applied with one before them when their own job comes.
        const isFirst = attempt === 1 && stalls === 0
        const isOrdinary =
          own === 'settled' || own === 'planned' || (own === 'already-settled' && isFirst)
        log[isOrdinary ? 'debug' : 'info']({ chunks, applied, rejected }, `chunk ${own}`)
        count(result)
        return undefined
      } catch (error) {
        log.warn({ err: error }, 'chunk not applied')
        throw error
      }
    },

    onFailedAttempt: async ({ payload: { batchId, chunk }, attempt }, failed) => {
      const { error, startedAt, seconds } = failed
      // Tried again with each sweep of the relay until such a worker takes it: nothing to be kept.
      if (isOfLaterRelease(error)) return
      await recordFailedAttempt(
        db,
        { batchId, chunk },
        {
          attempt,
          class: failed.class,
          code: codeOf(error),
          message: error.message,
          worker: deps.workerName,
          startedAt,
          seconds,
        },
      )
    },

    onExhausted: async ({ id, payload: { batchId, chunk }, attempt }, error) => {
      // Neither says anything about the chunk: the relay runs it again.
      if (isLostRace(error) || isOfLaterRelease(error)) return 'failed'
      const context = { batchId, jobId: id, attempt }
      const isDeadly = error instanceof ProcessDiedError
      const split = await bisectChunk(
        {
          db,
          apply: async (ref) => {
            const result = await (isDeadly ? applyIsolated(ref) : applyAlone(ref))
            await enqueue(result.released ?? [])
            count(result)
          },
        },
        { batchId, chunk },
        { isDeadly },
      )
      if (split.outcome === 'split') {
        logger.warn({ ...context, err: error, lines: split.faulty.length }, 'chunk split')
        await enqueue(split.faulty)
        return 'completed'
      }
      const dead = { code: codeOf(error), message: error.message, source: sourceOf(error) }
      const isNew = await markChunkDead(db, { batchId, chunk }, dead)
      logger.error({ ...context, err: error }, 'line is dead: its attempts are used up')
      if (isNew) report(error, context)
      return 'failed'
    },
  }
}

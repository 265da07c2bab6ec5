import type { Transaction } from 'kysely'
import { cancelLocked } from './cancel-batch.ts'
import {
  type ChunkRef,
  isOutranked,
  type LockedChunk,
  lockChunk,
  lockWaitingChunks,
} from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { LedgerUnavailableError } from './errors.ts'
import type { Released } from './finish-plan.ts'
import { planChunk } from './plan-chunk.ts'
import { retryConflicts } from './retry-conflicts.ts'
import type { Schema } from './schema.ts'
import { settleChunks } from './settle-chunks.ts'
import type { Settled } from './settle-lines.ts'
import type { Readings } from './stored-lines.ts'

export type ChunkResult = Settled & {
  own:
    | 'settled'
    /** What it would do is known now. */
    | 'planned'
    /** Another delivery of the same job was here first. */
    | 'already-settled'
    /** Its batch is scheduled, and its time has not come. */
    | 'not-due'
    /** Chunks of its tenant with a higher priority wait: nothing was done. */
    | 'outranked'
    /** No such chunk: the job is not ours, or its batch is gone. */
    | 'unknown'
  /** Of one that was planned: chunks that are to be applied now, for the queue to run. */
  released?: Released | undefined
}

const nothing: Settled = { chunks: 0, applied: 0, rejected: 0, held: 0, completedBatches: [] }

const isApplicable = (chunk: LockedChunk) => !chunk.settled && chunk.due && chunk.queue !== 'parked'

/**
 * Applies one chunk in one transaction: all its lines get their outcome, or none. One that is to be
 * planned first is planned, and one whose batch was called off is cancelled. Any number of
 * deliveries, at once or later, is harmless: the chunk's row decides.
 * @param readings what the stock source said of the chunk's levels, where it needs it
 * @throws LedgerUnavailableError, LedgerConflictError: both may be tried again
 */
export const applyChunk = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  readings?: Readings,
): Promise<ChunkResult> => {
  let found: LockedChunk | undefined
  const lock = async (trx: Transaction<Schema>) => {
    found = await lockChunk(trx, ref)
    return found && isApplicable(found) ? [found] : []
  }
  const settled = await settleLocked(db, lock, readings)
  if (settled) return { own: settled.released ? 'planned' : 'settled', ...settled }
  if (!found) return { own: 'unknown', ...nothing }
  if (found.queue === 'parked') return { own: 'already-settled', ...nothing }
  return { own: found.settled ? 'already-settled' : 'not-due', ...nothing }
}

/**
 * Applies a chunk together with those of its tenant that wait behind it, about `maxLines` in all, in
 * one transaction: a backlog then costs one commit and one update of a level for many chunks. A chunk
 * that is in another's hand is left to it, and waited for at the end. What fails together is applied
 * without its neighbours, so that their faults are never this chunk's.
 * @param options.givesWay while chunks of its tenant with a higher priority wait, nothing is done
 * @throws as applyChunk does, for the chunk's own faults alone
 */
export const applyChunkAndWaiting = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  { maxLines, givesWay = false }: { maxLines: number; givesWay?: boolean },
): Promise<ChunkResult> => {
  let together: readonly ChunkRef[] = []
  let outranked = false
  const lock = async (trx: Transaction<Schema>) => {
    const chunks = await lockWaitingChunks(trx, ref, maxLines)
    outranked = givesWay && chunks[0]?.outrankable === true && (await isOutranked(trx, ref))
    if (outranked) return []
    together = chunks
    return chunks
  }
  const settled = await settleLocked(db, lock).catch((error: unknown) => {
    if (error instanceof LedgerUnavailableError && error.outage) throw error
    together = []
    return undefined
  })
  if (outranked) return { own: 'outranked', ...nothing }
  if (together.some((it) => it.batchId === ref.batchId && it.chunk === ref.chunk)) {
    return { own: 'settled', ...nothing, ...settled }
  }
  const { own, ...alone } = await applyChunk(db, ref)
  return { own, ...add(settled ?? nothing, alone) }
}

const add = (one: Settled, other: Settled): Settled => ({
  chunks: one.chunks + other.chunks,
  applied: one.applied + other.applied,
  rejected: one.rejected + other.rejected,
  held: one.held + other.held,
  completedBatches: [...one.completedBatches, ...other.completedBatches],
})

/** Settles what `lock` locks, in one transaction; undefined when there is nothing. */
const settleLocked = async (
  db: LedgerDatabase,
  lock: (trx: Transaction<Schema>) => Promise<LockedChunk[]>,
  readings?: Readings,
): Promise<(Settled & { released?: Released }) | undefined> =>
  retryConflicts(db, async (trx, { mayMakeLevels }) => {
    const [first, ...others] = await lock(trx)
    if (!first) return undefined
    if (first.cancelled) {
      await cancelLocked(trx, [first])
      return nothing
    }
    if (first.queue === 'plan') return { ...nothing, released: await planChunk(trx, first) }
    return await settleChunks(trx, [first, ...others], {
      mayMakeLevels: mayMakeLevels(first.tenantId),
      readings,
    })
  })

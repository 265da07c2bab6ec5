import type { Transaction } from 'kysely'
import { type ChunkRef, type LockedChunk, lockChunk, lockWaitingChunks } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { LedgerConflictError, LedgerUnavailableError } from './errors.ts'
import { LevelsMissingError, lockMakingOfLevels } from './levels.ts'
import type { Schema } from './schema.ts'
import { type Settled, settleChunks } from './settle-chunks.ts'

export type ChunkResult = Settled & {
  own:
    | 'settled'
    /** Another delivery of the same job was here first. */
    | 'already-settled'
    /** No such chunk: the job is not ours, or its batch is gone. */
    | 'unknown'
}

const nothing: Settled = { chunks: 0, applied: 0, rejected: 0, completedBatches: [] }

/** How often a transaction that lost a race with another is run again before that counts as an error. */
const conflictRetries = 10

/**
 * Applies one chunk in one transaction: all its lines get their outcome, or none. Any number of
 * deliveries, at once or later, is harmless: the chunk's row decides.
 * @throws LedgerUnavailableError, LedgerConflictError: both may be tried again
 */
export const applyChunk = async (db: LedgerDatabase, ref: ChunkRef): Promise<ChunkResult> => {
  let found: LockedChunk | undefined
  const settled = await settleLocked(db, async (trx) => {
    found = await lockChunk(trx, ref)
    return found && !found.settled ? [found] : []
  })
  if (settled) return { own: 'settled', ...settled }
  return { own: found ? 'already-settled' : 'unknown', ...nothing }
}

/**
 * Applies a chunk together with those of its tenant that wait behind it, about `maxLines` in all, in
 * one transaction: a backlog then costs one commit and one update of a level for many chunks. A chunk
 * that is in another's hand is left to it, and waited for at the end. What fails together is applied
 * without its neighbours, so that their faults are never this chunk's.
 * @throws as applyChunk does, for the chunk's own faults alone
 */
export const applyChunkAndWaiting = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  { maxLines }: { maxLines: number },
): Promise<ChunkResult> => {
  let together: readonly ChunkRef[] = []
  const settled = await settleLocked(db, async (trx) => {
    const chunks = await lockWaitingChunks(trx, ref, maxLines)
    together = chunks
    return chunks
  }).catch((error: unknown) => {
    if (error instanceof LedgerUnavailableError) throw error
    together = []
    return undefined
  })
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
  completedBatches: [...one.completedBatches, ...other.completedBatches],
})

/**
 * Settles what `lock` locks, in one transaction, which is run again when it loses a race; undefined
 * when there is nothing. Levels are made by one transaction of a tenant at a time (see lockLevels).
 */
const settleLocked = async (
  db: LedgerDatabase,
  lock: (trx: Transaction<Schema>) => Promise<LockedChunk[]>,
): Promise<Settled | undefined> => {
  let makingFor: number | undefined
  for (let retry = 0; ; retry += 1) {
    try {
      return await db.transaction().execute(async (trx) => {
        if (makingFor !== undefined) await lockMakingOfLevels(trx, makingFor)
        const [first, ...others] = await lock(trx)
        if (!first) return undefined
        return await settleChunks(trx, [first, ...others], {
          mayMakeLevels: makingFor === first.tenantId,
        })
      })
    } catch (error) {
      if (error instanceof LevelsMissingError) makingFor = error.tenantId
      else if (!(error instanceof LedgerConflictError) || retry === conflictRetries) throw error
    }
  }
}

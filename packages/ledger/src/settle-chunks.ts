import { applyLines } from '@inventoryrpa/inventory'
import type { Transaction } from 'kysely'
import { moveCounts } from './batch-counts.ts'
import { type LockedChunk, markSettled } from './chunks.ts'
import { forgetDeadLines } from './dead-chunks.ts'
import { lockLevels, movedSinceCounts, saveLevels } from './levels.ts'
import { outcomeRow, saveOutcomes } from './line-outcomes.ts'
import { saveMovements } from './movements.ts'
import type { Schema } from './schema.ts'

/** What one transaction did. */
export type Settled = {
  chunks: number
  applied: number
  rejected: number
  /** The batches that it completed, each told once. */
  completedBatches: string[]
}

/**
 * Applies locked chunks of one tenant and one policy in their order, as if they were one.
 * @throws LevelsMissingError when levels are to be made and this transaction may not
 */
export const settleChunks = async (
  trx: Transaction<Schema>,
  chunks: readonly [LockedChunk, ...LockedChunk[]],
  { mayMakeLevels }: { mayMakeLevels: boolean },
): Promise<Settled> => {
  const [{ tenantId, negativeStock }] = chunks
  const parts = chunks.map((chunk) => ({ chunk, lines: chunk.lines() }))
  const lines = parts.flatMap((part) => part.lines)
  const before = await lockLevels(trx, tenantId, lines, { mayMakeLevels })
  const { movements, rejections, levels } = applyLines(lines, before, {
    negativeStock,
    movedSince: await movedSinceCounts(trx, tenantId, lines),
  })

  const chunkOf = new Map(parts.flatMap((part) => part.lines.map((line) => [line, part.chunk])))
  const dead = chunks.filter((chunk) => chunk.dead)
  if (dead.length > 0) await forgetDeadLines(trx, dead)
  await saveLevels(trx, tenantId, before, levels)
  await saveMovements(
    trx,
    tenantId,
    movements,
    (line) => (chunkOf.get(line) as LockedChunk).batchId,
  )
  const rejected = rejections.map(({ line, code, detail }) => ({
    ...outcomeRow(chunkOf.get(line) as LockedChunk, line),
    outcome: 'rejected' as const,
    code,
    detail,
  }))
  await saveOutcomes(trx, rejected)
  await markSettled(trx, chunks)
  const completedBatches = await moveCounts(trx, [
    ...chunks.map((chunk) => ({
      batchId: chunk.batchId,
      [chunk.dead ? 'dead' : 'pending']: -chunk.lineCount,
      applied: chunk.lineCount,
    })),
    ...rejected.map((row) => ({ batchId: row.batch_id, applied: -1, rejected: 1 })),
  ])
  return {
    chunks: chunks.length,
    applied: lines.length - rejected.length,
    rejected: rejected.length,
    completedBatches,
  }
}

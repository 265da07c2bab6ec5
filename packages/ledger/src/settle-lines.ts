import { setImmediate as othersTurn } from 'node:timers/promises'
import { applyLines, type Line } from '@inventoryrpa/inventory'
import type { Transaction } from 'kysely'
import { moveCounts } from './batch-counts.ts'
import type { LockedChunk } from './chunks.ts'
import { noteDiscrepancies } from './discrepancies.ts'
import { lockLevels, movedSince, saveLevels } from './levels.ts'
import { outcomeRow, saveOutcomes } from './line-outcomes.ts'
import { saveMovements } from './movements.ts'
import type { Schema } from './schema.ts'
import { type NumberedLine, type Readings, readNumbered } from './stored-lines.ts'

/** What one transaction did. */
export type Settled = {
  chunks: number
  applied: number
  rejected: number
  held: number
  /** The batches that it completed, each told once. */
  completedBatches: string[]
}

/** Lines of one chunk, and the counter that they leave. */
export type Part = { chunk: LockedChunk; lines: Line[]; from: 'pending' | 'dead' | 'held' }

export type SettleOptions = {
  mayMakeLevels: boolean
  /** For syncs, and for batches that are to be verified. */
  readings?: Readings | undefined
}

/**
 * Gives lines of one tenant and one policy their outcome, in their order, as if they were one list.
 * @returns what it did, and how many lines of each part are held
 * @throws LevelsMissingError when levels are to be made and this transaction may not
 */
export const settleLines = async (
  trx: Transaction<Schema>,
  parts: readonly [Part, ...Part[]],
  { mayMakeLevels, readings }: SettleOptions,
): Promise<Settled & { heldByPart: number[] }> => {
  const [{ chunk: first }] = parts
  const { tenantId, negativeStock } = first
  const lines = parts.flatMap((part) => part.lines)
  const before = await lockLevels(trx, tenantId, lines, { mayMakeLevels })
  const looksBack = lines.filter((line) => line.type === 'count' || line.type === 'sync')
  const { movements, rejections, holds, levels } = applyLines(lines, before, {
    negativeStock,
    movedSince: await movedSince(trx, tenantId, looksBack),
  })
  // Small chunks are applied beside this.
  await othersTurn()

  const partOf = new Map(parts.flatMap((part) => part.lines.map((line) => [line, part])))
  const chunkOf = (line: Line) => (partOf.get(line) as Part).chunk
  await saveLevels(trx, tenantId, before, levels)
  await saveMovements(trx, tenantId, movements, (line) => chunkOf(line).batchId)
  const sent = sentLines([...rejections, ...holds].map(({ line }) => chunkOf(line)))
  const notApplied = (line: Line, outcome: 'rejected' | 'held', code: string, detail: string) => ({
    ...outcomeRow(chunkOf(line), sent(chunkOf(line), line.number)),
    outcome,
    code,
    detail,
  })
  await saveOutcomes(trx, [
    ...rejections.map(({ line, code, detail }) => notApplied(line, 'rejected', code, detail)),
    ...holds.map(({ line, code, detail }) => notApplied(line, 'held', code, detail)),
  ])
  const verified = parts.filter((part) => part.chunk.verify)
  if (verified.length > 0) {
    await noteDiscrepancies(trx, tenantId, {
      lines: verified.flatMap((part) => part.lines),
      movements: movements.filter((movement) => chunkOf(movement.line).verify),
      levels: new Map([...before, ...levels]),
      readings,
      batchOf: (line) => chunkOf(line).batchId,
    })
  }

  const batchOf = ({ line }: { line: Line }) => chunkOf(line).batchId
  const completedBatches = await moveCounts(trx, [
    ...parts.map(({ chunk, lines: { length }, from }) => ({
      batchId: chunk.batchId,
      [from]: -length,
      applied: length,
    })),
    ...rejections.map((it) => ({ batchId: batchOf(it), applied: -1, rejected: 1 })),
    ...holds.map((it) => ({ batchId: batchOf(it), applied: -1, held: 1 })),
  ])
  return {
    chunks: parts.length,
    applied: lines.length - rejections.length - holds.length,
    rejected: rejections.length,
    held: holds.length,
    completedBatches,
    heldByPart: parts.map((part) => holds.filter((it) => partOf.get(it.line) === part).length),
  }
}

/** Lines of chunks as they were sent: what could not be applied may be corrected and sent again. */
const sentLines = (chunks: readonly LockedChunk[]) => {
  const byChunk = new Map(
    [...new Set(chunks)].map((chunk) => [
      chunk,
      new Map(readNumbered(chunk.stored).map((line) => [line.number, line])),
    ]),
  )
  return (chunk: LockedChunk, number: number) => byChunk.get(chunk)?.get(number) as NumberedLine
}

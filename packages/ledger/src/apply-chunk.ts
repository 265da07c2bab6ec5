import { applyLines, type Line } from '@inventoryrpa/inventory'
import { type Insertable, sql, type Transaction } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { LedgerConflictError } from './errors.ts'
import { lockLevels, movedSinceCounts, saveLevels } from './levels.ts'
import { saveMovements } from './movements.ts'
import type { Schema } from './schema.ts'
import { readLines } from './stored-lines.ts'

export type ChunkRef = { batchId: string; chunk: number }

export type ChunkResult =
  | { outcome: 'settled'; applied: number; rejected: number; batchCompleted: boolean }
  /** Another delivery of the same job was here first. */
  | { outcome: 'already-settled' }
  /** No such chunk: the job is not ours, or its batch is gone. */
  | { outcome: 'unknown' }

type LockedChunk = {
  lines: Buffer
  settled_at: Date | null
  dead_at: Date | null
  tenant_id: number
  negative_stock: 'reject' | 'allow'
  created_at: Date
}

/** How often a transaction that lost a race with another is run again before that counts as an error. */
const conflictRetries = 10

/**
 * Applies one chunk in one transaction: all its lines get their outcome, or none. Any number of
 * deliveries, at once or later, is harmless: the chunk's row decides.
 * @throws LedgerUnavailableError, LedgerConflictError: both may be tried again
 */
export const applyChunk = async (db: LedgerDatabase, ref: ChunkRef): Promise<ChunkResult> => {
  for (let retry = 0; ; retry += 1) {
    try {
      return await db.transaction().execute((trx) => applyInTransaction(trx, ref))
    } catch (error) {
      if (!(error instanceof LedgerConflictError) || retry === conflictRetries) throw error
    }
  }
}

const applyInTransaction = async (
  trx: Transaction<Schema>,
  ref: ChunkRef,
): Promise<ChunkResult> => {
  const chunk = await lockChunk(trx, ref)
  if (!chunk) return { outcome: 'unknown' }
  if (chunk.settled_at) return { outcome: 'already-settled' }

  const tenantId = chunk.tenant_id
  const lines = readLines(chunk.lines, chunk.created_at.getTime())
  const before = await lockLevels(trx, tenantId, lines)
  const { movements, rejections, levels } = applyLines(lines, before, {
    negativeStock: chunk.negative_stock,
    movedSince: await movedSinceCounts(trx, tenantId, lines),
  })

  if (chunk.dead_at) await forgetDeadLines(trx, ref)
  await saveLevels(trx, tenantId, before, levels)
  await saveMovements(trx, tenantId, ref.batchId, movements)
  const rejectedRows = rejections.map(({ line, code, detail }) => ({
    ...outcomeRow(ref, line),
    outcome: 'rejected' as const,
    code,
    detail,
  }))
  await saveOutcomes(trx, rejectedRows)
  await trx
    .updateTable('chunks')
    .set({ settled_at: sql<Date>`now()`, dead_at: null, error: null })
    .where('batch_id', '=', ref.batchId)
    .where('chunk', '=', ref.chunk)
    .execute()
  const rejected = rejections.length
  const applied = lines.length - rejected
  const batchCompleted = await count(trx, ref.batchId, {
    [chunk.dead_at ? 'dead' : 'pending']: -lines.length,
    applied,
    rejected,
  })
  return { outcome: 'settled', applied, rejected, batchCompleted }
}

const lockChunk = async (trx: Transaction<Schema>, ref: ChunkRef) => {
  const { rows } = await sql<LockedChunk>`
    select c.lines, c.settled_at, c.dead_at, b.tenant_id, b.negative_stock, b.created_at
    from chunks c join batches b on b.id = c.batch_id
    where c.batch_id = ${ref.batchId} and c.chunk = ${ref.chunk}
    for update of c
  `.execute(trx)
  return rows[0]
}

/**
 * Moves lines between the batch's counters, and completes it when none is pending. Last in its
 * transaction: parallel chunks of one batch wait for each other here, for no longer than a commit.
 */
const count = async (
  trx: Transaction<Schema>,
  batchId: string,
  change: { pending?: number; dead?: number; applied?: number; rejected?: number },
): Promise<boolean> => {
  const { pending = 0, dead = 0, applied = 0, rejected = 0 } = change
  const { rows } = await sql<{ completed: boolean }>`
    update batches set
      pending = pending + ${pending}, dead = dead + ${dead},
      applied = applied + ${applied}, rejected = rejected + ${rejected},
      state = case when pending + ${pending} = 0 then 'completed' else 'processing' end,
      completed_at = case when pending + ${pending} = 0 then coalesce(completed_at, clock_timestamp()) end
    where id = ${batchId}
    returning completed_at is not null as completed
  `.execute(trx)
  return rows[0]?.completed ?? false
}

/** Whether this call made the chunk dead; no if another already did, or it was settled meanwhile. */
export const markChunkDead = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  { code, message }: { code: string; message: string },
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const chunk = await lockChunk(trx, ref)
    if (!chunk || chunk.settled_at || chunk.dead_at) return false
    const lines = readLines(chunk.lines, chunk.created_at.getTime())
    // PostgreSQL keeps no NUL, and an error's message may quote anything.
    const detail = message.replaceAll('\u0000', '\ufffd')
    const deadRows = lines.map((line) => ({
      ...outcomeRow(ref, line),
      outcome: 'dead' as const,
      code,
      detail,
    }))
    await saveOutcomes(trx, deadRows)
    await trx
      .updateTable('chunks')
      .set({ dead_at: sql<Date>`now()`, error: detail })
      .where('batch_id', '=', ref.batchId)
      .where('chunk', '=', ref.chunk)
      .execute()
    await count(trx, ref.batchId, { pending: -lines.length, dead: lines.length })
    return true
  })

const forgetDeadLines = (trx: Transaction<Schema>, ref: ChunkRef) =>
  trx
    .deleteFrom('line_outcomes')
    .where('batch_id', '=', ref.batchId)
    .where('chunk', '=', ref.chunk)
    .where('outcome', '=', 'dead')
    .execute()

/** 1,000 rows a statement: PostgreSQL takes 65,535 parameters. */
const saveOutcomes = async (
  trx: Transaction<Schema>,
  rows: Insertable<Schema['line_outcomes']>[],
): Promise<void> => {
  for (let from = 0; from < rows.length; from += 1_000) {
    await trx
      .insertInto('line_outcomes')
      .values(rows.slice(from, from + 1_000))
      .execute()
  }
}

const outcomeRow = ({ batchId, chunk }: ChunkRef, line: Line) => ({
  batch_id: batchId,
  line: line.number,
  chunk,
  type: line.type,
  sku: line.sku,
  location: line.location,
  reference: line.reference ?? null,
})

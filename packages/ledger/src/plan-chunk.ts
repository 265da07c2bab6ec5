import { createHash } from 'node:crypto'
import { applyLines, formatQuantity, planTotals } from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import type { LockedChunk } from './chunks.ts'
import { reviveDeadLines } from './dead-chunks.ts'
import { finishPlan, type Released } from './finish-plan.ts'
import { movedSince, readLevels } from './levels.ts'
import { plannedRows, savePlan } from './plan-rows.ts'
import type { Schema } from './schema.ts'

/**
 * Says what applying a locked chunk would do now, and keeps it: no level is locked and none is changed.
 * What moves meanwhile is seen by its version when the plan is applied.
 * @returns the chunks that are to be applied now, if this was the last one and nobody needs to look
 */
export const planChunk = async (
  trx: Transaction<Schema>,
  chunk: LockedChunk,
): Promise<Released> => {
  const { tenantId, batchId, negativeStock } = chunk
  if (chunk.dead) await reviveDeadLines(trx, chunk)
  const lines = chunk.lines()
  const before = await readLevels(trx, tenantId, lines)
  const counts = lines.filter((line) => line.type === 'count' || line.type === 'sync')
  const result = applyLines(lines, before, {
    negativeStock,
    movedSince: await movedSince(trx, tenantId, counts),
  })
  const rows = plannedRows(result)
  await savePlan(trx, chunk, rows)
  const hash = createHash('sha256')
  for (const { line, leg, location, quantity, before: was, version, code } of rows) {
    hash.update(
      JSON.stringify([line.number, leg, line.sku, location, quantity, was, version, code]),
    )
  }
  const totals = planTotals(result, before)
  await trx
    .updateTable('chunks')
    .set({
      queue: 'parked',
      dead_at: null,
      error: null,
      error_code: null,
      fingerprint: null,
      plan_sha256: hash.digest(),
      plan_totals: JSON.stringify({
        ...totals,
        units: formatQuantity(totals.units),
        value: formatQuantity(totals.value),
      }),
    })
    .where('batch_id', '=', batchId)
    .where('chunk', '=', chunk.chunk)
    .execute()
  // One transaction at a time finds out whether it was the last.
  await sql`select from batches where id = ${batchId} for no key update`.execute(trx)
  return await finishPlan(trx, batchId)
}

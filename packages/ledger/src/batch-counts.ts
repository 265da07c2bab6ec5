import { sql, type Transaction } from 'kysely'
import { type BatchRow, batchColumns } from './batches.ts'
import { BatchCancelledError } from './errors.ts'
import { emitEvents } from './events.ts'
import type { Schema } from './schema.ts'

/** How many of a batch's lines went to each counter; less than zero for those that left it. */
export type CountsChange = {
  batchId: string
  pending?: number
  dead?: number
  applied?: number
  rejected?: number
  held?: number
  cancelled?: number
}

const counters = ['pending', 'dead', 'applied', 'rejected', 'held', 'cancelled'] as const
const noChange = { pending: 0, dead: 0, applied: 0, rejected: 0, held: 0, cancelled: 0 }

const isApplying = (sum: typeof noChange) => sum.applied + sum.rejected + sum.held > 0

/**
 * Moves lines between the counters of batches, and completes those of which none is pending. Last in
 * its transaction: parallel chunks of one batch wait for each other here, for no longer than a commit,
 * and always in the order of ids. All of them are one tenant's.
 * @returns the batches that this completed for the first time
 * @throws BatchCancelledError when a batch whose lines these apply was called off meanwhile
 */
export const moveCounts = async (
  trx: Transaction<Schema>,
  changes: readonly CountsChange[],
): Promise<string[]> => {
  const batches = new Map<string, Required<Omit<CountsChange, 'batchId'>>>()
  for (const { batchId, ...change } of changes) {
    const sum = batches.get(batchId) ?? { ...noChange }
    for (const counter of counters) sum[counter] += change[counter] ?? 0
    batches.set(batchId, sum)
  }
  const sums = [...batches.values()]
  const { rows } = await sql<BatchRow & { is_new: boolean }>`
    with change as (
      select * from unnest(
        ${[...batches.keys()]}::uuid[], ${sums.map((sum) => sum.pending)}::int[], ${sums.map((sum) => sum.dead)}::int[],
        ${sums.map((sum) => sum.applied)}::int[], ${sums.map((sum) => sum.rejected)}::int[],
        ${sums.map((sum) => sum.held)}::int[], ${sums.map((sum) => sum.cancelled)}::int[]
      ) v(id, pending, dead, applied, rejected, held, cancelled)
    ), before as materialized (
      select id, completed_at from batches where id in (select id from change)
      order by id for no key update
    ), after as (
      update batches b set
        pending = b.pending + change.pending, dead = b.dead + change.dead,
        applied = b.applied + change.applied, rejected = b.rejected + change.rejected,
        held = b.held + change.held, cancelled = b.cancelled + change.cancelled,
        state = case
          when b.pending + change.pending > 0 then
            case when b.state in ('previewed', 'awaiting_approval') then b.state else 'processing' end
          when b.cancelled_at is not null then 'cancelled'
          else 'completed' end,
        completed_at = case when b.pending + change.pending = 0
          then coalesce(b.completed_at, clock_timestamp()) end
      from before join change using (id)
      where b.id = before.id
      returning b.*, b.completed_at is not null and before.completed_at is null as is_new
    )
    select ${batchColumns}, is_new from after order by id
  `.execute(trx)
  for (const { id, cancelled_at } of rows) {
    const sum = batches.get(id)
    if (cancelled_at && sum?.cancelled === 0 && isApplying(sum)) {
      throw new BatchCancelledError(`batch ${id} was cancelled`)
    }
  }
  const completed = rows.filter((row) => row.is_new)
  const [first] = completed
  if (first) {
    await emitEvents(
      trx,
      first.tenant_id,
      completed.map((batch) => ({
        batch,
        type: batch.cancelled_at ? 'batch.cancelled' : 'batch.completed',
      })),
    )
  }
  return completed.map((row) => row.id)
}

import { sql, type Transaction } from 'kysely'
import type { Schema } from './schema.ts'

/** How many of a batch's lines went to each counter; less than zero for those that left it. */
export type CountsChange = {
  batchId: string
  pending?: number
  dead?: number
  applied?: number
  rejected?: number
  held?: number
}

/**
 * Moves lines between the counters of batches, and completes those of which none is pending. Last in
 * its transaction: parallel chunks of one batch wait for each other here, for no longer than a commit,
 * and always in the order of ids.
 * @returns the batches that this completed for the first time
 */
export const moveCounts = async (
  trx: Transaction<Schema>,
  changes: readonly CountsChange[],
): Promise<string[]> => {
  const batches = new Map<string, Required<Omit<CountsChange, 'batchId'>>>()
  for (const { batchId, pending = 0, dead = 0, applied = 0, rejected = 0, held = 0 } of changes) {
    const sum = batches.get(batchId) ?? { pending: 0, dead: 0, applied: 0, rejected: 0, held: 0 }
    sum.pending += pending
    sum.dead += dead
    sum.applied += applied
    sum.rejected += rejected
    sum.held += held
    batches.set(batchId, sum)
  }
  const sums = [...batches.values()]
  const { rows } = await sql<{ id: string }>`
    with change as (
      select * from unnest(
        ${[...batches.keys()]}::uuid[], ${sums.map((sum) => sum.pending)}::int[], ${sums.map((sum) => sum.dead)}::int[],
        ${sums.map((sum) => sum.applied)}::int[], ${sums.map((sum) => sum.rejected)}::int[],
        ${sums.map((sum) => sum.held)}::int[]
      ) v(id, pending, dead, applied, rejected, held)
    ), before as materialized (
      select id, completed_at from batches where id in (select id from change)
      order by id for no key update
    ), after as (
      update batches b set
        pending = b.pending + change.pending, dead = b.dead + change.dead,
        applied = b.applied + change.applied, rejected = b.rejected + change.rejected,
        held = b.held + change.held,
        state = case when b.pending + change.pending = 0 then 'completed' else 'processing' end,
        completed_at = case when b.pending + change.pending = 0
          then coalesce(b.completed_at, clock_timestamp()) end
      from before join change using (id)
      where b.id = before.id
      returning b.id, b.completed_at is not null and before.completed_at is null as completed
    )
    select id from after where completed
  `.execute(trx)
  return rows.map((row) => row.id)
}

import type { Guard, OnConflict } from '@inventoryrpa/contracts'
import {
  exceeded,
  type GuardFinding,
  type PlanTotals,
  parseQuantity,
} from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import type { BatchRow } from './batches.ts'
import { mayEndProcesses } from './chunks.ts'
import { emitEvents } from './events.ts'
import type { AcceptedChunk } from './new-batch.ts'
import type { Schema } from './schema.ts'

/** Chunks that are to be applied from now on, for the queue to run. */
export type Released = AcceptedChunk[]

type Plan = {
  mode: 'apply' | 'preview'
  cancelled: boolean
  guard: Guard | null
  /** Null: there is no part of a plan. */
  sha256: Buffer | null
  units: string
  value: string
  percent: number
  levels: number
  zeroed: number
}

/** What the parts of a batch's plan come to; undefined while some are missing. The batch is locked. */
export const readPlan = async (
  trx: Transaction<Schema>,
  batchId: string,
): Promise<(Plan & { findings: GuardFinding[] }) | undefined> => {
  const { rows } = await sql<Plan>`
    select b.mode, b.cancelled_at is not null as cancelled, t.guard,
      sha256(string_agg(c.plan_sha256, ''::bytea order by c.chunk)) as sha256,
      coalesce(sum((c.plan_totals->>'units')::numeric), 0)::text as units,
      coalesce(sum((c.plan_totals->>'value')::numeric), 0)::text as value,
      coalesce(max((c.plan_totals->>'percent')::float8), 0) as percent,
      coalesce(sum((c.plan_totals->>'levels')::int), 0) as levels,
      coalesce(sum((c.plan_totals->>'zeroed')::int), 0) as zeroed
    from batches b join tenants t on t.id = b.tenant_id
    left join chunks c on c.batch_id = b.id and c.queue = 'parked' and c.settled_at is null
      and c.dead_at is null
    where b.id = ${batchId} and not exists (
      select from chunks where batch_id = ${batchId} and queue = 'plan' and settled_at is null
        and dead_at is null
    )
    group by b.id, t.id
  `.execute(trx)
  const [plan] = rows
  return plan && { ...plan, findings: exceeded(limitsOf(plan.guard), totalsOf(plan)) }
}

const limitsOf = (guard: Guard | null) => ({
  maxUnits: guard?.maxUnits === undefined ? undefined : parseQuantity(guard.maxUnits),
  maxValue: guard?.maxValue === undefined ? undefined : parseQuantity(guard.maxValue),
  maxLevelPercent: guard?.maxLevelPercent,
  maxZeroedPercent: guard?.maxZeroedPercent,
})

const totalsOf = ({ units, value, percent, levels, zeroed }: Plan): PlanTotals => ({
  units: parseQuantity(units),
  value: parseQuantity(value),
  percent,
  levels,
  zeroed,
})

/**
 * Once no part of a plan is missing: a preview is ready to be looked at, a batch that exceeds a limit
 * awaits approval, and any other is applied. The batch is locked.
 */
export const finishPlan = async (trx: Transaction<Schema>, batchId: string): Promise<Released> => {
  const plan = await readPlan(trx, batchId)
  if (!plan?.sha256 || plan.cancelled) return []
  const { mode, findings, sha256 } = plan
  if (mode === 'apply' && findings.length === 0) {
    await trx.deleteFrom('planned_movements').where('batch_id', '=', batchId).execute()
    return await release(trx, batchId, { onConflict: null })
  }
  const state = mode === 'preview' ? 'previewed' : 'awaiting_approval'
  await park(trx, batchId, { state, findings, sha256 })
  return []
}

/** Has a batch wait for somebody, and tells so. @returns the batch */
export const park = async (
  trx: Transaction<Schema>,
  batchId: string,
  {
    state,
    findings,
    sha256,
    onConflict,
  }: {
    state: 'previewed' | 'awaiting_approval'
    findings: readonly GuardFinding[]
    sha256: Buffer
    /** Of a preview that is to be applied. */
    onConflict?: OnConflict
  },
): Promise<BatchRow> => {
  const batch = await trx
    .updateTable('batches')
    .set({
      state,
      plan_sha256: sha256,
      guard_findings: JSON.stringify(findings),
      ...(onConflict && { mode: 'apply', on_conflict: onConflict }),
    })
    .where('id', '=', batchId)
    .returningAll()
    .executeTakeFirstOrThrow()
  await emitEvents(trx, batch.tenant_id, [{ batch, type: `batch.${state}` }])
  return batch
}

/** Has a batch's parked chunks applied. They wait from now on, whenever they were accepted. */
export const release = async (
  trx: Transaction<Schema>,
  batchId: string,
  { onConflict }: { onConflict: OnConflict | null },
): Promise<Released> => {
  await trx
    .updateTable('batches')
    .set({ mode: 'apply', state: 'processing', on_conflict: onConflict })
    .where('id', '=', batchId)
    .execute()
  const { rows } = await sql<AcceptedChunk>`
    with released as (
      update chunks set queue = 'apply', created_at = now(), not_before = b.not_before
      from batches b
      where b.id = ${batchId} and batch_id = b.id and queue in ('parked', 'plan')
        and settled_at is null
      returning chunks.*
    )
    select batch_id as "batchId", chunk, queue, line_count as lines, ${mayEndProcesses} as suspect
    from released where dead_at is null
  `.execute(trx)
  return rows
}

import type { Guard } from '@inventoryrpa/contracts'
import {
  exceeded,
  type GuardFinding,
  type PlanTotals,
  parseQuantity,
} from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import { mayEndProcesses } from './chunks.ts'
import { emitEvents } from './events.ts'
import type { AcceptedChunk } from './new-batch.ts'
import type { Schema } from './schema.ts'

/** Chunks that are to be applied from now on, for the queue to run. */
export type Released = AcceptedChunk[]

type Plan = {
  tenantId: number
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
    select b.tenant_id as "tenantId", b.mode, b.cancelled_at is not null as cancelled, t.guard,
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
  const { tenantId, mode, findings, sha256 } = plan
  if (mode === 'apply' && findings.length === 0) {
    await trx.deleteFrom('planned_movements').where('batch_id', '=', batchId).execute()
    return await release(trx, batchId, { onConflict: null })
  }
  const state = mode === 'preview' ? 'previewed' : 'awaiting_approval'
  await park(trx, batchId, { state, findings, sha256 })
  await emitEvents(trx, tenantId, [{ batchId, type: `batch.${state}` }])
  return []
}

export const park = async (
  trx: Transaction<Schema>,
  batchId: string,
  {
    state,
    findings,
    sha256,
  }: {
    state: 'previewed' | 'awaiting_approval'
    findings: readonly GuardFinding[]
    sha256: Buffer
  },
): Promise<void> => {
  await trx
    .updateTable('batches')
    .set({ state, plan_sha256: sha256, guard_findings: JSON.stringify(findings) })
    .where('id', '=', batchId)
    .execute()
}

/** Has a batch's parked chunks applied. They wait from now on, whenever they were accepted. */
export const release = async (
  trx: Transaction<Schema>,
  batchId: string,
  { onConflict }: { onConflict: 'rebase' | 'reject' | null },
): Promise<Released> => {
  await trx
    .updateTable('batches')
    .set({ mode: 'apply', state: 'processing', on_conflict: onConflict })
    .where('id', '=', batchId)
    .execute()
  const { rows } = await sql<AcceptedChunk>`
    update chunks set queue = 'apply', created_at = now(), not_before = b.not_before
    from batches b
    where b.id = ${batchId} and batch_id = b.id and queue in ('parked', 'plan') and settled_at is null
    returning batch_id as "batchId", chunk, queue, line_count as lines, ${mayEndProcesses} as suspect,
      dead_at is not null as dead
  `.execute(trx)
  return rows.filter((row) => !('dead' in row && row.dead)).map(withoutDead)
}

const withoutDead = ({ batchId, chunk, queue, lines, suspect }: AcceptedChunk) => ({
  batchId,
  chunk,
  queue,
  lines,
  suspect,
})

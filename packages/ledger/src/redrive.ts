import { randomUUIDv7 } from 'node:crypto'
import type { Redrive } from '@inventoryrpa/contracts'
import { type Selectable, sql, type Transaction } from 'kysely'
import { moveCounts } from './batch-counts.ts'
import { chunkKeys, mayEndProcesses } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { forgetDeadLines } from './dead-chunks.ts'
import { type DeadLetterFilter, matching } from './dead-letters.ts'
import type { AcceptedChunk } from './new-batch.ts'
import type { Schema } from './schema.ts'

export type RedriveRequest = DeadLetterFilter & {
  /** Dead letters at most. */
  limit: number
  /** So many first; the others only when all of these were applied. 0: none is first. */
  canary: number
  ratePerSecond?: number | undefined
}

export type RedriveStep = {
  redrive: Redrive
  /** What is pending again by this step, for the queue to run. */
  chunks: AcceptedChunk[]
}

type Row = Selectable<Schema['redrives']>

/** A step is one transaction; a larger redrive takes several. */
const stepSize = 1_000

/**
 * Begins a redrive and takes its first step: dead letters are pending again, and their batches are
 * processing. Two redrives at once never take the same dead letter.
 */
export const startRedrive = async (
  db: LedgerDatabase,
  tenantId: number,
  { limit, canary, ratePerSecond, fingerprint, batchId, id }: RedriveRequest,
): Promise<RedriveStep> =>
  db.transaction().execute(async (trx) => {
    const row = await trx
      .insertInto('redrives')
      .values({
        id: randomUUIDv7(),
        tenant_id: tenantId,
        fingerprint: fingerprint ?? null,
        batch_id: batchId ?? null,
        dead_letter: id ?? null,
        most: limit,
        canary,
        rate_per_second: ratePerSecond ?? null,
        ...(canary > 0 ? { state: 'canary' } : running()),
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    return step(trx, row)
  })

/** Takes the next step of every redrive that has not ended, besides those that another process takes. */
export const advanceRedrives = async (db: LedgerDatabase): Promise<RedriveStep[]> => {
  const open = await db
    .selectFrom('redrives')
    .select('id')
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute()
  const steps: RedriveStep[] = []
  for (const { id } of open) {
    const taken = await db.transaction().execute(async (trx) => {
      const row = await trx
        .selectFrom('redrives')
        .selectAll()
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .forUpdate()
        .skipLocked()
        .executeTakeFirst()
      return row && step(trx, row)
    })
    if (taken) steps.push(taken)
  }
  return steps
}

export const findRedrive = async (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
): Promise<Redrive | undefined> => {
  const row = await db
    .selectFrom('redrives')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  return row && toRedrive(row)
}

const step = async (trx: Transaction<Schema>, row: Row): Promise<RedriveStep> => {
  if (row.state === 'canary' && row.redriven > 0) {
    const { pending, dead } = await canariesOf(trx, row.id)
    if (dead > 0) return { redrive: await save(trx, row, { state: 'stopped' }), chunks: [] }
    if (pending > 0) return { redrive: toRedrive(row), chunks: [] }
    row = await trx
      .updateTable('redrives')
      .set(running())
      .where('id', '=', row.id)
      .returningAll()
      .executeTakeFirstOrThrow()
  }
  const wanted = Math.min(allowance(row), stepSize)
  const chunks = wanted > 0 ? await revive(trx, row, wanted) : []
  const redriven = row.redriven + chunks.length
  const isOver = redriven >= row.most || (chunks.length < wanted && row.state === 'running')
  const nothingFound = row.state === 'canary' && redriven === 0
  const state = isOver || nothingFound ? 'done' : row.state
  return { redrive: await save(trx, row, { state, redriven }), chunks }
}

const running = () => ({ state: 'running' as const, running_since: sql<Date>`now()` })

/** How many more may be redriven by now. */
const allowance = (row: Row) => {
  const left = row.most - row.redriven
  if (row.state === 'canary') return Math.min(row.canary, left)
  if (row.rate_per_second === null) return left
  const seconds = (Date.now() - (row.running_since ?? row.created_at).getTime()) / 1_000
  const allowed = row.canary + Math.ceil(row.rate_per_second * seconds)
  return Math.min(left, Math.max(0, allowed - row.redriven))
}

const canariesOf = async (trx: Transaction<Schema>, redriveId: string) => {
  const { rows } = await sql<{ pending: number; dead: number }>`
    select count(*) filter (where settled_at is null and dead_at is null)::int as pending,
      count(*) filter (where dead_at is not null)::int as dead
    from chunks where redrive_id = ${redriveId}
  `.execute(trx)
  return rows[0] as { pending: number; dead: number }
}

/**
 * What is revived waits from now on, whenever it was sent.
 *
 * A canary that died again is left alone until its own redrive has seen it.
 */
const revive = async (
  trx: Transaction<Schema>,
  row: Row,
  most: number,
): Promise<AcceptedChunk[]> => {
  const filter = {
    fingerprint: row.fingerprint ?? undefined,
    batchId: row.batch_id ?? undefined,
    id: row.dead_letter ?? undefined,
  }
  const { rows } = await sql<AcceptedChunk>`
    select c.batch_id as "batchId", c.chunk, c.queue, c.line_count as lines, ${mayEndProcesses} as suspect
    from chunks c join batches b on b.id = c.batch_id
    where ${matching(row.tenant_id, filter)}
      and c.dead_at <= ${row.created_at} and c.redrive_id is distinct from ${row.id}
      and not exists (select from redrives r where r.id = c.redrive_id and r.state = 'canary')
    order by c.batch_id, c.chunk limit ${most}
    for update of c skip locked
  `.execute(trx)
  if (rows.length === 0) return []
  await forgetDeadLines(trx, rows)
  await sql`
    update chunks c set dead_at = null, error = null, error_code = null, fingerprint = null,
      not_before = null, redrive_id = ${row.id}, created_at = now()
    from ${chunkKeys(rows)} v(batch_id, chunk)
    where c.batch_id = v.batch_id and c.chunk = v.chunk
  `.execute(trx)
  await moveCounts(
    trx,
    rows.map(({ batchId, lines }) => ({ batchId, dead: -lines, pending: lines })),
  )
  return rows
}

const save = async (
  trx: Transaction<Schema>,
  row: Row,
  change: { state: Row['state']; redriven?: number },
): Promise<Redrive> => {
  const hasEnded = change.state === 'done' || change.state === 'stopped'
  const saved = await trx
    .updateTable('redrives')
    .set({ ...change, ...(hasEnded && { ended_at: sql<Date>`now()` }) })
    .where('id', '=', row.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return toRedrive(saved)
}

const toRedrive = (row: Row): Redrive => ({
  id: row.id,
  state: row.state,
  redriven: row.redriven,
  limit: row.most,
  createdAt: row.created_at.toISOString(),
  endedAt: row.ended_at?.toISOString() ?? null,
})

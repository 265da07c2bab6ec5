import type { PlannedLine } from '@inventoryrpa/contracts'
import {
  applyChunk,
  applyPlan,
  decideBatch,
  findBatch,
  listLineOutcomes,
  listPlan,
  markChunkDead,
  putGuard,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { batchState } from './batch-state.ts'
import { adjustment, atHour, count, transfer } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { generator, randomLines } from './random-lines.ts'
import { readAll } from './read-all.ts'
import { type Options, submit, submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()

/** Submits a preview and plans it. */
const preview = async (
  tenantId: number,
  lines: Parameters<typeof submit>[2],
  options: Options = {},
) => {
  const { id, chunks } = await submit(ledger.db, tenantId, lines, { mode: 'preview', ...options })
  for (const chunk of chunks) {
    expect(await applyChunk(ledger.db, chunk)).toMatchObject({ own: 'planned' })
  }
  const batch = await findBatch(ledger.db, tenantId, id)
  return { id, chunks, batch, planHash: batch?.planHash ?? '' }
}

const planOf = async (id: string): Promise<PlannedLine[]> =>
  (await readAll((cursor) => listPlan(ledger.db, id, { limit: 7, cursor }))).items

const outcomesOf = async (id: string) =>
  (await readAll((cursor) => listLineOutcomes(ledger.db, id, { limit: 100, cursor }))).items

/** Applies a plan and runs what that releases. */
const applyAndRun = async (
  tenantId: number,
  batchId: string,
  planHash: string,
  onConflict: 'rebase' | 'reject' = 'reject',
) => {
  const applied = await applyPlan(ledger.db, { tenantId, batchId }, { planHash, onConflict })
  if (applied.outcome !== 'applied') throw new Error(applied.outcome)
  for (const chunk of applied.chunks) await applyChunk(ledger.db, chunk)
  return applied
}

test('a preview says what would become of every line, and changes nothing', async () => {
  const tenantId = await ledger.newTenant()
  await submitAndApply(ledger.db, tenantId, [adjustment('A', 10), adjustment('B', 1)])
  const before = await onHandOf(ledger, tenantId)
  const { id, batch } = await preview(
    tenantId,
    [
      adjustment('A', -4, { reference: 'order 1' }),
      transfer('A', 5),
      adjustment('B', -2),
      count('A', 3, atHour(1)),
    ],
    { negativeStock: 'reject' },
  )
  expect(batch).toMatchObject({ state: 'previewed', mode: 'preview', counts: { pending: 4 } })
  expect(batch?.planHash).toMatch(/^[0-9a-f]{64}$/)
  expect(await onHandOf(ledger, tenantId)).toEqual(before)
  expect(await planOf(id)).toMatchObject([
    {
      line: 1,
      outcome: 'applied',
      reference: 'order 1',
      movements: [{ location: 'Leeds', quantity: '-4', before: '10', after: '6', version: 1 }],
    },
    {
      line: 2,
      movements: [
        { location: 'Leeds', quantity: '-5', before: '6', after: '1', version: 2 },
        { location: 'Paris', quantity: '5', before: '0', after: '5', version: 0 },
      ],
    },
    { line: 3, outcome: 'rejected', code: 'insufficient_stock' },
    { line: 4, outcome: 'applied' },
  ])
})

test('the same plan has the same hash, another one another, and only its own is applied', async () => {
  const tenantId = await ledger.newTenant()
  const lines = [adjustment('A', 1), adjustment('B', 2)]
  const one = await preview(tenantId, lines)
  const same = await preview(tenantId, lines)
  const other = await preview(tenantId, [adjustment('A', 1), adjustment('B', 3)])
  expect(same.planHash).toBe(one.planHash)
  expect(other.planHash).not.toBe(one.planHash)
  const apply = (batchId: string, planHash: string) =>
    applyPlan(ledger.db, { tenantId, batchId }, { planHash, onConflict: 'reject' })
  expect(await apply(one.id, other.planHash)).toEqual({ outcome: 'mismatch' })
  expect(await apply('00000000-0000-7000-8000-000000000000', one.planHash)).toEqual({
    outcome: 'unknown',
  })
  await applyAndRun(tenantId, one.id, one.planHash)
  expect(await apply(one.id, one.planHash)).toMatchObject({ outcome: 'wrong-state' })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '1', 'B/Leeds': '2' })
})

test.for(['rebase', 'reject'] as const)(
  'when levels moved since, only their lines differ from the plan (%s)',
  async (onConflict) => {
    const tenantId = await ledger.newTenant()
    await submitAndApply(ledger.db, tenantId, [adjustment('A', 10), adjustment('B', 10)])
    const { id, planHash } = await preview(tenantId, [
      adjustment('A', -1),
      adjustment('B', -1),
      adjustment('A', -1),
      adjustment('C', 5),
    ])
    await submitAndApply(ledger.db, tenantId, [adjustment('A', -5)])
    await applyAndRun(tenantId, id, planHash, onConflict)
    const rebased = onConflict === 'rebase'
    const moved = rebased
      ? { outcome: 'applied', code: 'rebased' }
      : { outcome: 'rejected', code: 'level_moved' }
    const asPlanned = { outcome: 'applied', code: null }
    expect(await outcomesOf(id)).toMatchObject([
      { line: 1, ...moved },
      { line: 2, ...asPlanned },
      { line: 3, ...moved },
      { line: 4, ...asPlanned },
    ])
    expect(await onHandOf(ledger, tenantId)).toEqual({
      'A/Leeds': rebased ? '3' : '5',
      'B/Leeds': '9',
      'C/Leeds': '5',
    })
    expect(await batchState(ledger, tenantId, id)).toMatchObject({ state: 'completed', pending: 0 })
  },
)

test.for([1, 2, 3, 4])(
  'a plan that nothing disturbs comes true, line by line (seed %i)',
  async (seed) => {
    const tenantId = await ledger.newTenant()
    const random = generator(seed)
    await submitAndApply(ledger.db, tenantId, randomLines(random, 40))
    const { id, planHash } = await preview(tenantId, randomLines(random, 60), {
      negativeStock: 'reject',
      maxChunkLines: 10,
    })
    const plan = await planOf(id)
    await applyAndRun(tenantId, id, planHash)
    const outcomes = await outcomesOf(id)
    const told = ({ line, outcome, code, movements }: PlannedLine) => ({
      line,
      outcome,
      code,
      after:
        outcome === 'applied' ? movements.map((it) => [it.location, it.quantity, it.after]) : [],
    })
    expect(
      outcomes.map(({ line, outcome, code, movements }) => ({
        line,
        outcome,
        code,
        after: movements.map((it) => [it.location, it.quantity, it.onHandAfter]),
      })),
    ).toEqual(plan.map(told))
    expect(new Set(plan.map((line) => line.outcome)).size).toBe(2)
  },
)

test('delivered again, a chunk that is planned stays as it is', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks, planHash } = await preview(tenantId, [adjustment('A', 1)])
  expect(await applyChunk(ledger.db, chunks[0] as never)).toMatchObject({ own: 'already-settled' })
  expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({ state: 'previewed', planHash })
  expect(await onHandOf(ledger, tenantId)).toEqual({})
})

test('a line that cannot be planned is dead, and the plan is ready without it', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(
    ledger.db,
    tenantId,
    [adjustment('A', 1), adjustment('B', 1)],
    { mode: 'preview', maxChunkLines: 1 },
  )
  const [first, last] = chunks as [(typeof chunks)[0], (typeof chunks)[0]]
  await applyChunk(ledger.db, first)
  await markChunkDead(ledger.db, last, { code: 'poison', message: 'it threw' })
  const batch = await findBatch(ledger.db, tenantId, id)
  expect(batch).toMatchObject({ state: 'previewed', counts: { pending: 1, dead: 1 } })
  await applyAndRun(tenantId, id, batch?.planHash ?? '')
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ applied: 1, dead: 1 })
})

test('what the guard allows is applied without a question, and leaves no plan behind', async () => {
  const tenantId = await ledger.newTenant()
  await putGuard(ledger.db, tenantId, { maxUnits: 10 })
  const { id, chunks } = await submit(ledger.db, tenantId, [adjustment('A', 10)])
  const planned = await applyChunk(ledger.db, chunks[0] as never)
  expect(planned).toMatchObject({ own: 'planned', released: [{ queue: 'apply', lines: 1 }] })
  await applyChunk(ledger.db, planned.released?.[0] as never)
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ state: 'completed', applied: 1 })
  expect(await planOf(id)).toEqual([])
})

const value = (unitValue: string) => ({ unitValue })

test.for([
  ['units', { maxUnits: 10 }, [adjustment('A', 6), adjustment('B', -5)]],
  ['value', { maxValue: '99.99' }, [adjustment('A', 4, value('25'))]],
  ['level_percent', { maxLevelPercent: 50 }, [adjustment('stocked', -51)]],
  [
    'zeroed_percent',
    { maxZeroedPercent: 20 },
    [count('stocked', 0, atHour(2)), adjustment('A', 1)],
  ],
] as const)('the guard stops a batch by its %s', async ([finding, guard, lines]) => {
  const tenantId = await ledger.newTenant()
  await submitAndApply(ledger.db, tenantId, [adjustment('stocked', 100, { observedAt: atHour(1) })])
  await putGuard(ledger.db, tenantId, guard)
  const { id, chunks } = await submit(ledger.db, tenantId, [...lines], { submittedBy: 'sender' })
  for (const chunk of chunks) {
    expect((await applyChunk(ledger.db, chunk)).released).toEqual([])
  }
  expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({
    state: 'awaiting_approval',
    guardFindings: [finding],
  })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'stocked/Leeds': '100' })
})

test('a guarded batch passes only by another key than its sender’s, also when it was previewed', async () => {
  const tenantId = await ledger.newTenant()
  await putGuard(ledger.db, tenantId, { maxUnits: 1 })
  const { id, planHash, batch } = await preview(tenantId, [adjustment('A', 5)], {
    submittedBy: 'sender',
  })
  expect(batch).toMatchObject({ state: 'previewed', guardFindings: ['units'] })
  const decide = (by: string, decision: 'approve' | 'reject' = 'approve') =>
    decideBatch(ledger.db, { tenantId, batchId: id }, { decision, by, onConflict: 'rebase' })
  expect(await decide('boss')).toMatchObject({ outcome: 'wrong-state', state: 'previewed' })
  expect((await applyAndRun(tenantId, id, planHash)).batch.state).toBe('awaiting_approval')
  expect(await decide('sender')).toEqual({ outcome: 'own' })
  const decided = await decide('boss')
  if (decided.outcome !== 'decided') throw new Error(decided.outcome)
  expect(decided.batch).toMatchObject({ decision: { decision: 'approve', by: 'boss' } })
  for (const chunk of decided.chunks) await applyChunk(ledger.db, chunk)
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '5' })
  expect(await decide('boss', 'reject')).toMatchObject({ outcome: 'wrong-state' })
})

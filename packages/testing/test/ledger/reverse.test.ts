import {
  applyChunk,
  applyPlan,
  cancelChunks,
  findBatch,
  listLineOutcomes,
  listPlan,
  type ReverseBatch,
  requestCancel,
  reverseBatch,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { batchState } from './batch-state.ts'
import { adjustment, atHour, count, transfer } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { generator, randomLines } from './random-lines.ts'
import { submit, submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const reverse = async (
  tenantId: number,
  batchId: string,
  options: Partial<ReverseBatch> & { maxChunkLines?: number } = {},
) => {
  const { maxChunkLines = 1_000, ...asked } = options
  const reversed = await reverseBatch(
    ledger.db,
    {
      tenantId,
      batchId,
      reference: undefined,
      mode: 'apply',
      laterMovements: 'refuse',
      submittedBy: 'key',
      ...asked,
    },
    { maxChunkLines },
  )
  if (reversed.outcome !== 'accepted') throw new Error(reversed.outcome)
  for (const chunk of reversed.chunks) await applyChunk(ledger.db, chunk)
  return reversed
}

const outcomesOf = async (id: string) =>
  (await listLineOutcomes(ledger.db, id, { limit: 1_000 })).items

test('adjustments, counts and transfers are undone, each under the number of its line', async () => {
  const tenantId = await ledger.newTenant()
  await submitAndApply(ledger.db, tenantId, [adjustment('A', 10, { observedAt: atHour(1) })])
  const before = await onHandOf(ledger, tenantId)
  const id = await submitAndApply(
    ledger.db,
    tenantId,
    [
      adjustment('A', -3, { observedAt: atHour(2), reference: 'order 7' }),
      count('A', 9, atHour(3)),
      transfer('A', 4, { observedAt: atHour(4) }),
      adjustment('Z', -1),
    ],
    { negativeStock: 'reject' },
  )
  const { batch } = await reverse(tenantId, id)
  expect(batch).toMatchObject({ reverses: id, counts: { total: 3 } })
  expect(await outcomesOf(batch.id)).toMatchObject([
    { line: 1, type: 'adjustment', reference: 'order 7', movements: [{ quantity: '3' }] },
    { line: 2, type: 'adjustment', movements: [{ quantity: '-2' }] },
    { line: 3, type: 'transfer', location: 'Paris', movements: [{ location: 'Paris' }, {}] },
  ])
  expect(await onHandOf(ledger, tenantId)).toEqual({ ...before, 'A/Paris': '0' })
})

test.for([1, 2, 3, 4, 5])(
  'every level comes back, whatever the batch did (seed %i)',
  async (seed) => {
    const tenantId = await ledger.newTenant()
    const random = generator(seed)
    const zeros = Object.fromEntries(
      ['Leeds', 'Paris', 'Rome'].flatMap((place) =>
        Array.from({ length: 5 }, (_, sku) => [`S${sku}/${place}`, '0']),
      ),
    )
    await submitAndApply(ledger.db, tenantId, randomLines(random, 50))
    const before = { ...zeros, ...(await onHandOf(ledger, tenantId)) }
    const id = await submitAndApply(ledger.db, tenantId, randomLines(random, 80), {
      negativeStock: 'reject',
      maxChunkLines: 10,
    })
    expect({ ...zeros, ...(await onHandOf(ledger, tenantId)) }).not.toEqual(before)
    const { batch, chunks } = await reverse(tenantId, id, { maxChunkLines: 10 })
    expect(chunks.length).toBeGreaterThan(1)
    expect({ ...zeros, ...(await onHandOf(ledger, tenantId)) }).toEqual(before)
    expect(await batchState(ledger, tenantId, batch.id)).toMatchObject({ rejected: 0 })
  },
)

test.for(['flag', 'refuse'] as const)(
  'lines whose level was moved by others since are treated as asked (%s)',
  async (laterMovements) => {
    const tenantId = await ledger.newTenant()
    const id = await submitAndApply(ledger.db, tenantId, [adjustment('A', 5), adjustment('B', 5)])
    await submitAndApply(ledger.db, tenantId, [adjustment('A', 100)])
    const { batch } = await reverse(tenantId, id, { laterMovements })
    const flagged = laterMovements === 'flag'
    expect(await outcomesOf(batch.id)).toMatchObject([
      flagged
        ? { line: 1, outcome: 'applied', code: 'rebased' }
        : { line: 1, outcome: 'rejected', code: 'level_moved' },
      { line: 2, outcome: 'applied', code: null },
    ])
    expect(await onHandOf(ledger, tenantId)).toEqual({
      'A/Leeds': flagged ? '100' : '105',
      'B/Leeds': '0',
    })
  },
)

test('a reversal can be looked at first, and what it refused then stays refused', async () => {
  const tenantId = await ledger.newTenant()
  const id = await submitAndApply(ledger.db, tenantId, [adjustment('A', 5), adjustment('B', 5)])
  await submitAndApply(ledger.db, tenantId, [adjustment('A', 1)])
  const { batch } = await reverse(tenantId, id, { mode: 'preview' })
  const { items } = await listPlan(ledger.db, batch.id, { limit: 10 })
  expect(items).toMatchObject([
    { line: 1, outcome: 'rejected', code: 'level_moved' },
    { line: 2, outcome: 'applied', movements: [{ quantity: '-5', before: '5', after: '0' }] },
  ])
  const { planHash } = (await findBatch(ledger.db, tenantId, batch.id)) ?? {}
  const applied = await applyPlan(
    ledger.db,
    { tenantId, batchId: batch.id },
    { planHash: planHash ?? '', onConflict: 'rebase' },
  )
  if (applied.outcome !== 'applied') throw new Error(applied.outcome)
  for (const chunk of applied.chunks) await applyChunk(ledger.db, chunk)
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '6', 'B/Leeds': '0' })
})

test('a batch is reversed once, also by many at once; a reversal that was called off does not count', async () => {
  const tenantId = await ledger.newTenant()
  const id = await submitAndApply(ledger.db, tenantId, [adjustment('A', 5)])
  const first = await reverse(tenantId, id, { mode: 'preview' })
  await expect(reverse(tenantId, id)).rejects.toThrow('already-reversed')
  await requestCancel(ledger.db, { tenantId, batchId: first.batch.id })
  await cancelChunks(ledger.db, first.batch.id)
  const many = await Promise.allSettled(Array.from({ length: 5 }, () => reverse(tenantId, id)))
  expect(many.filter((it) => it.status === 'fulfilled')).toHaveLength(1)
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '0' })
})

test('what is not done, moved nothing or is another’s cannot be reversed', async () => {
  const tenantId = await ledger.newTenant()
  const { id } = await submit(ledger.db, tenantId, [adjustment('A', 5)])
  await expect(reverse(tenantId, id)).rejects.toThrow('wrong-state')
  const none = await submitAndApply(ledger.db, tenantId, [adjustment('B', -1)], {
    negativeStock: 'reject',
  })
  await expect(reverse(tenantId, none)).rejects.toThrow('nothing-applied')
  await expect(reverse(await ledger.newTenant(), none)).rejects.toThrow('unknown')
})

import {
  applyChunk,
  applyChunkAndWaiting,
  cancelChunks,
  decideBatch,
  findBatch,
  listBeingCancelled,
  listLineOutcomes,
  markChunkDead,
  putGuard,
  releaseHeldLines,
  requestCancel,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment, atHour, sync } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { readings } from './readings.ts'
import { submit, submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const cancelAll = async (tenantId: number, batchId: string) => {
  const asked = await requestCancel(ledger.db, { tenantId, batchId })
  while ((await cancelChunks(ledger.db, batchId)) > 0);
  return asked
}

const each = (lines: number) =>
  Array.from({ length: lines }, (_, index) => adjustment(`S${index}`, 1))

test('what was applied stays applied, the rest is cancelled, and the counts add up', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(ledger.db, tenantId, each(6), { maxChunkLines: 2 })
  const [first, ...others] = chunks as [(typeof chunks)[0], (typeof chunks)[0]]
  await applyChunk(ledger.db, first)
  expect(await cancelAll(tenantId, id)).toMatchObject({ outcome: 'requested' })
  expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({
    state: 'cancelled',
    counts: { total: 6, applied: 2, cancelled: 4, pending: 0 },
    completedAt: expect.any(String),
  })
  const { items } = await listLineOutcomes(ledger.db, id, { limit: 10, outcome: 'cancelled' })
  expect(items.map((item) => [item.line, item.code])).toEqual([
    [3, 'cancelled'],
    [4, 'cancelled'],
    [5, 'cancelled'],
    [6, 'cancelled'],
  ])
  for (const chunk of others) {
    expect(await applyChunk(ledger.db, chunk)).toMatchObject({ own: 'already-settled' })
  }
  expect(Object.keys(await onHandOf(ledger, tenantId))).toHaveLength(2)
})

test('a chunk that is being applied when its batch is called off is not committed', async () => {
  const tenantId = await ledger.newTenant()
  await submitAndApply(ledger.db, tenantId, [adjustment('A', 1)])
  const { id, chunks } = await submit(ledger.db, tenantId, [adjustment('A', 1)])
  const [neighbour] = (await submit(ledger.db, tenantId, [adjustment('A', 5)])).chunks
  // Its level is held, so that the transaction has begun and cannot end.
  await ledger.admin.query('begin')
  await ledger.admin.query(
    "select from stock_levels where sku = 'A' and tenant_id = $1 for update",
    [tenantId],
  )
  const applying = applyChunkAndWaiting(ledger.db, chunks[0] as never, { maxLines: 100 })
  await expect
    .poll(
      async () => {
        const { rows } = await ledger.admin.query(
          "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        )
        return rows.length
      },
      { interval: 10, timeout: 10_000 },
    )
    .toBeGreaterThan(0)
  await requestCancel(ledger.db, { tenantId, batchId: id })
  expect(await cancelChunks(ledger.db, id)).toBe(0)
  expect(await listBeingCancelled(ledger.db)).toContain(id)
  await ledger.admin.query('rollback')
  await applying
  await applyChunk(ledger.db, neighbour as never)
  expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({
    state: 'cancelled',
    counts: { applied: 0, cancelled: 1 },
  })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '6' })
  expect(await listBeingCancelled(ledger.db)).not.toContain(id)
})

test('held lines are cancelled with their batch, and a dead one when it is run again', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(
    ledger.db,
    tenantId,
    [sync('H'), adjustment('D', 1), adjustment('P', 1)],
    { maxChunkLines: 1 },
  )
  const chunkOf = (queue: string, index = 0) =>
    chunks.filter((chunk) => chunk.queue === queue)[index] as (typeof chunks)[0]
  const stale = readings({ 'H/Leeds': 3 }, { asOf: atHour(1), stale: true })
  expect(await applyChunk(ledger.db, chunkOf('sync'), stale)).toMatchObject({ held: 1 })
  await markChunkDead(ledger.db, chunkOf('apply'), { code: 'poison', message: 'it threw' })
  await cancelAll(tenantId, id)
  expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({
    state: 'cancelled',
    counts: { held: 0, dead: 1, cancelled: 2, pending: 0 },
  })
  expect(
    await releaseHeldLines(
      ledger.db,
      chunkOf('sync'),
      readings({ 'H/Leeds': 3 }, { asOf: atHour(1) }),
    ),
  ).toBeUndefined()
  await applyChunk(ledger.db, chunkOf('apply'))
  expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({
    counts: { dead: 0, cancelled: 3 },
  })
  expect(await onHandOf(ledger, tenantId)).toEqual({})
})

test('previews can be called off, and what awaits approval is when it is rejected', async () => {
  const tenantId = await ledger.newTenant()
  const preview = await submit(ledger.db, tenantId, each(2), { mode: 'preview' })
  for (const chunk of preview.chunks) await applyChunk(ledger.db, chunk)
  await cancelAll(tenantId, preview.id)
  await putGuard(ledger.db, tenantId, { maxUnits: 1 })
  const guarded = await submit(ledger.db, tenantId, each(2), { submittedBy: 'sender' })
  for (const chunk of guarded.chunks) await applyChunk(ledger.db, chunk)
  await decideBatch(
    ledger.db,
    { tenantId, batchId: guarded.id },
    { decision: 'reject', by: 'boss', onConflict: 'rebase' },
  )
  while ((await cancelChunks(ledger.db, guarded.id)) > 0);
  for (const { id } of [preview, guarded]) {
    expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({
      state: 'cancelled',
      counts: { cancelled: 2, pending: 0 },
    })
  }
  expect(await onHandOf(ledger, tenantId)).toEqual({})
})

test('what is done cannot be called off, and another tenant’s batch is not there', async () => {
  const tenantId = await ledger.newTenant()
  const id = await submitAndApply(ledger.db, tenantId, each(1))
  expect(await cancelAll(tenantId, id)).toEqual({ outcome: 'wrong-state', state: 'completed' })
  expect(await cancelAll(await ledger.newTenant(), id)).toEqual({ outcome: 'unknown' })
})

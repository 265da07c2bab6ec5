import {
  type AcceptedChunk,
  applyChunk,
  type ChunkRef,
  claimHeldChunks,
  findBatch,
  listLineOutcomes,
  listMovements,
  markChunkDead,
  releaseHeldLines,
  splitChunk,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { batchState } from './batch-state.ts'
import { adjustment, atHour, count, sync } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { readings } from './readings.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const old = (onHand: Record<string, number>) =>
  readings(onHand, { asOf: atHour(1), stale: true, source: 'backup', failoverCode: 'timeout' })
const fresh = (onHand: Record<string, number | null>, hour = 5) =>
  readings(onHand, { asOf: atHour(hour) })

/** A batch with syncs of these SKUs, all of them held, and what each has on hand meanwhile. */
const hold = async (skus: string[], { tenantId = 0, more = [adjustment('Z', 1)] } = {}) => {
  const tenant = tenantId || (await ledger.newTenant())
  const lines = [...skus.map((sku) => sync(sku)), ...more]
  const { id, chunks } = await submit(ledger.db, tenant, lines)
  const chunk = chunks.find((it) => it.queue === 'sync') as AcceptedChunk
  const stale = old(Object.fromEntries(skus.map((sku) => [`${sku}/Leeds`, 1])))
  for (const each of chunks) await applyChunk(ledger.db, each, stale)
  return { tenantId: tenant, id, chunk, state: () => batchState(ledger, tenant, id) }
}
const release = (chunk: ChunkRef, said: ReturnType<typeof fresh>) =>
  releaseHeldLines(ledger.db, chunk, said)
/** As if a held chunk's time had come. */
const makeDue = (id: string) =>
  ledger.admin.query('update chunks set not_before = now() where batch_id = $1 and held > 0', [id])
const notBefore = async (id: string) => {
  const { rows } = await ledger.admin.query<{ held: number; wait: number | null }>(
    `select held, extract(epoch from not_before - now())::float8 as wait
     from chunks where batch_id = $1 and queue = 'sync'`,
    [id],
  )
  return rows[0]
}
const claimed = async (id: string, limit = 1_000) =>
  (await claimHeldChunks(ledger.db, limit)).filter((chunk) => chunk.batchId === id)

test('what its source is too stale for is held, and the batch is completed all the same', async () => {
  const { tenantId, id, state } = await hold(['A', 'B'])
  expect(await state()).toMatchObject({ state: 'completed', held: 2, applied: 1, pending: 0 })
  const { items } = await listLineOutcomes(ledger.db, id, { limit: 10, outcome: 'held' })
  expect(items).toMatchObject([
    { line: 1, type: 'sync', code: 'stale_source' },
    { line: 2, type: 'sync', code: 'stale_source' },
  ])
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'Z/Leeds': '1' })
})

test('released lines are applied or rejected by what the source says now, and counted where they went', async () => {
  const { tenantId, id, chunk, state } = await hold(['A', 'B'])
  const completedAt = (await findBatch(ledger.db, tenantId, id))?.completedAt
  expect(await release(chunk, fresh({ 'A/Leeds': 7, 'B/Leeds': null }))).toMatchObject({
    applied: 1,
    rejected: 1,
    held: 0,
    completedBatches: [],
  })
  expect(await state()).toMatchObject({ state: 'completed', held: 0, applied: 2, rejected: 1 })
  expect((await findBatch(ledger.db, tenantId, id))?.completedAt).toBe(completedAt)
  expect(await onHandOf(ledger, tenantId)).toMatchObject({ 'A/Leeds': '7' })
  const { items } = await listMovements(ledger.db, tenantId, { sku: 'A', limit: 10 })
  const source = { name: 'primary', asOf: atHour(5), failedOverBecause: null }
  expect(items).toMatchObject([{ type: 'sync', line: 1, quantity: '7', source }])
  const rejected = await listLineOutcomes(ledger.db, id, { limit: 10, outcome: 'rejected' })
  expect(rejected.items).toMatchObject([{ line: 2, code: 'unknown_at_source' }])
})

test('a released line keeps what moved after the reading, and is rejected behind a newer count', async () => {
  const { tenantId, chunk, state } = await hold(['A', 'B'])
  const later = [
    adjustment('A', 3, { observedAt: atHour(8) }),
    adjustment('A', 40, { observedAt: atHour(2) }),
    count('B', 9, atHour(9)),
  ]
  const { chunks } = await submit(ledger.db, tenantId, later)
  await applyChunk(ledger.db, chunks[0] as AcceptedChunk)
  await release(chunk, fresh({ 'A/Leeds': 10, 'B/Leeds': 10 }))
  expect(await onHandOf(ledger, tenantId)).toMatchObject({ 'A/Leeds': '13', 'B/Leeds': '9' })
  expect(await state()).toMatchObject({ held: 0, applied: 2, rejected: 1 })
})

test('of many releases at once one releases, and a later one finds nothing', async () => {
  const { tenantId, chunk, state } = await hold(['A', 'B'])
  const said = fresh({ 'A/Leeds': 7, 'B/Leeds': 8 })
  const released = await Promise.all(Array.from({ length: 10 }, () => release(chunk, said)))
  expect(released.filter((it) => it !== undefined)).toHaveLength(1)
  expect(await release(chunk, said)).toBeUndefined()
  expect(await state()).toMatchObject({ held: 0, applied: 3 })
  expect(await onHandOf(ledger, tenantId)).toMatchObject({ 'A/Leeds': '7', 'B/Leeds': '8' })
})

test('what is still too stale stays held, with a later time and what the source said last', async () => {
  const { id, chunk, state } = await hold(['A', 'B'])
  await makeDue(id)
  const said = new Map([
    ...fresh({ 'A/Leeds': 7 }),
    ...readings({ 'B/Leeds': 1 }, { asOf: atHour(2), stale: true }),
  ])
  expect(await release(chunk, said)).toMatchObject({ applied: 1, held: 1 })
  expect(await state()).toMatchObject({ state: 'completed', held: 1, applied: 2 })
  const { held, wait } = (await notBefore(id)) ?? {}
  expect(held).toBe(1)
  expect(wait).toBeGreaterThan(0)
  const { items } = await listLineOutcomes(ledger.db, id, { limit: 10, outcome: 'held' })
  expect(items).toMatchObject([{ line: 2, detail: expect.stringContaining(atHour(2)) }])
  await release(chunk, fresh({ 'A/Leeds': 99, 'B/Leeds': 3 }))
  expect(await state()).toMatchObject({ held: 0, applied: 3 })
  expect(await notBefore(id)).toEqual({ held: 0, wait: null })
})

test('nothing is released of a chunk that is pending, dead, or was never there', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(ledger.db, tenantId, [sync('A')])
  const [chunk] = chunks as [AcceptedChunk]
  const said = fresh({ 'A/Leeds': 7 })
  expect(await release(chunk, said)).toBeUndefined()
  await markChunkDead(ledger.db, chunk, { code: 'poison', message: 'it threw' })
  expect(await release(chunk, said)).toBeUndefined()
  expect(await release({ batchId: id, chunk: 9 }, said)).toBeUndefined()
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ dead: 1 })
})

test('a chunk with held lines is settled: it is neither split, nor dies, nor is applied again', async () => {
  const { chunk, state } = await hold(['A', 'B'])
  const results = await Promise.all([
    release(chunk, fresh({ 'A/Leeds': 7, 'B/Leeds': 8 })),
    splitChunk(ledger.db, chunk),
    markChunkDead(ledger.db, chunk, { code: 'poison', message: 'it threw' }),
    applyChunk(ledger.db, chunk, fresh({ 'A/Leeds': 1, 'B/Leeds': 1 })),
  ])
  expect(results).toMatchObject([{ applied: 2 }, { outcome: 'gone' }, false, { applied: 0 }])
  expect(await state()).toMatchObject({ held: 0, applied: 3, dead: 0 })
})

test('held lines are due after a while, and whoever claims them has them for a while', async () => {
  const { id, chunk } = await hold(['A'])
  expect(await claimed(id)).toEqual([])
  await makeDue(id)
  const claims = await Promise.all([claimed(id), claimed(id), claimed(id)])
  expect(claims.flat()).toEqual([{ batchId: chunk.batchId, chunk: chunk.chunk }])
  expect((await notBefore(id))?.wait).toBeGreaterThan(0)
  await makeDue(id)
  expect(await claimed(id)).toHaveLength(1)
})

test('held lines that are never released do not keep others waiting', async () => {
  const tenantId = await ledger.newTenant()
  const held = [await hold(['A'], { tenantId }), await hold(['B'], { tenantId })] as const
  for (const { id } of held) await makeDue(id)
  const first = await claimHeldChunks(ledger.db, 1)
  const second = await claimHeldChunks(ledger.db, 1)
  expect([...first, ...second].map((it) => it.batchId).sort()).toEqual(
    held.map((it) => it.id).sort(),
  )
})

test('releases that race with chunks of the same new levels end without a deadlock', async () => {
  const tenantId = await ledger.newTenant()
  const skus = Array.from({ length: 20 }, (_, index) => `S${index}`)
  const batches = await Promise.all([1, 2, 3].map(() => hold(skus, { tenantId })))
  const said = fresh(Object.fromEntries(skus.map((sku) => [`${sku}/Leeds`, 4])))
  const adjusted = await Promise.all(
    [1, 2, 3].map(() =>
      submit(
        ledger.db,
        tenantId,
        skus.toReversed().map((sku) => adjustment(sku, 1)),
      ),
    ),
  )
  await Promise.all([
    ...batches.map(({ chunk }) => release(chunk, said)),
    ...adjusted.flatMap(({ chunks }) => chunks.map((chunk) => applyChunk(ledger.db, chunk))),
  ])
  for (const { state } of batches) expect(await state()).toMatchObject({ held: 0, applied: 21 })
  // Adjustments are of now: what the source said of 2020 does not know them.
  const levels = await onHandOf(ledger, tenantId)
  expect(skus.map((sku) => levels[`${sku}/Leeds`])).toEqual(skus.map(() => '7'))
})

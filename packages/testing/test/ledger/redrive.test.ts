import {
  type AcceptedChunk,
  advanceRedrives,
  applyChunk,
  findRedrive,
  listDeadLetters,
  listUnsettledChunks,
  markChunkDead,
  measureBacklog,
  type RedriveRequest,
  splitChunk,
  startRedrive,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { batchState } from './batch-state.ts'
import { adjustment } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const poison = { code: 'poison', message: 'it threw' }
const die = (chunk: AcceptedChunk, error = poison) => markChunkDead(ledger.db, chunk, error)

/** A batch of so many dead lines, each a chunk of its own. */
const deadBatch = async (lines: number, { tenantId = 0, error = poison } = {}) => {
  const tenant = tenantId || (await ledger.newTenant())
  const skus = Array.from({ length: lines }, (_, index) => adjustment(`S${index}`, 1))
  const { id, chunks } = await submit(ledger.db, tenant, skus, { maxChunkLines: 1 })
  for (const chunk of chunks) await die(chunk, error)
  return { tenantId: tenant, id, chunks, state: () => batchState(ledger, tenant, id) }
}
const redrive = (tenantId: number, request: Partial<RedriveRequest> = {}) =>
  startRedrive(ledger.db, tenantId, { limit: 1_000, canary: 0, ...request })
/** The next step of one redrive, as the relay takes it. */
const advance = async (id: string) =>
  (await advanceRedrives(ledger.db)).find((step) => step.redrive.id === id)
const applyAll = async (chunks: readonly AcceptedChunk[]) => {
  for (const chunk of chunks) await applyChunk(ledger.db, chunk)
}
/** As if it had begun so much earlier, in the millisecond in which the last of the lines died. */
const beginEarlier = async (id: string, seconds: number) => {
  await ledger.admin.query(
    `update redrives set created_at = created_at - make_interval(secs => $2),
       running_since = running_since - make_interval(secs => $2) where id = $1`,
    [id, seconds],
  )
  await ledger.admin.query(
    `update chunks c set dead_at = r.created_at from redrives r, batches b
     where r.id = $1 and b.tenant_id = r.tenant_id and b.id = c.batch_id and c.dead_at is not null`,
    [id],
  )
}

test('dead lines are pending again at once, their batch is processing, and is completed again', async () => {
  const { tenantId, chunks, state } = await deadBatch(3)
  expect(await state()).toMatchObject({ state: 'completed', dead: 3 })
  const step = await redrive(tenantId)
  const done = { state: 'done', redriven: 3, endedAt: expect.any(String) }
  expect(step.redrive).toMatchObject(done)
  expect(step.chunks).toEqual(chunks)
  expect(await state()).toMatchObject({ state: 'processing', dead: 0, pending: 3 })
  await applyAll(step.chunks)
  expect(await state()).toMatchObject({ state: 'completed', applied: 3 })
  expect(await advance(step.redrive.id)).toBeUndefined()
  expect(await findRedrive(ledger.db, tenantId, step.redrive.id)).toMatchObject(done)
})

test('no more are taken than the limit says', async () => {
  const { tenantId, state } = await deadBatch(5)
  const step = await redrive(tenantId, { limit: 2 })
  expect(step).toMatchObject({ redrive: { state: 'done', redriven: 2, limit: 2 } })
  expect(step.chunks).toHaveLength(2)
  expect(await advance(step.redrive.id)).toBeUndefined()
  expect(await state()).toMatchObject({ dead: 3, pending: 2 })
})

test('more than one step takes are taken step by step', async () => {
  const { tenantId } = await deadBatch(3)
  await ledger.admin.query(
    `insert into chunks (batch_id, chunk, line_count, lines, dead_at, error, error_code, fingerprint)
     select batch_id, 10 + n, line_count, lines, dead_at, error, error_code, fingerprint
     from chunks, generate_series(1, 1200) n where batch_id in (
       select id from batches where tenant_id = $1) and chunk = 0`,
    [tenantId],
  )
  await ledger.admin.query(
    'update batches set total = total + 1200, dead = dead + 1200 where tenant_id = $1',
    [tenantId],
  )
  const { redrive: begun, chunks } = await redrive(tenantId, { limit: 1_100 })
  expect(chunks).toHaveLength(1_000)
  const next = await advance(begun.id)
  expect(next?.chunks).toHaveLength(100)
  expect(next?.redrive).toMatchObject({ state: 'done', redriven: 1_100 })
})

test('the others are taken once all canaries are applied, and not before', async () => {
  const { tenantId, state } = await deadBatch(5)
  const { redrive: begun, chunks } = await redrive(tenantId, { canary: 2 })
  expect(begun).toMatchObject({ state: 'canary', redriven: 2 })
  await applyAll(chunks.slice(0, 1))
  expect(await advance(begun.id)).toMatchObject({ redrive: { state: 'canary' }, chunks: [] })
  await applyAll(chunks.slice(1))
  const others = await advance(begun.id)
  expect(others?.redrive).toMatchObject({ state: 'done', redriven: 5 })
  await applyAll(others?.chunks ?? [])
  expect(await state()).toMatchObject({ state: 'completed', applied: 5 })
})

test('a canary that dies again stops its redrive, even while another is pending', async () => {
  const { tenantId, state } = await deadBatch(5)
  const { redrive: begun, chunks } = await redrive(tenantId, { canary: 2 })
  await die(chunks[1] as AcceptedChunk)
  expect(await advance(begun.id)).toMatchObject({
    redrive: { state: 'stopped', redriven: 2, endedAt: expect.any(String) },
    chunks: [],
  })
  expect(await advance(begun.id)).toBeUndefined()
  expect(await state()).toMatchObject({ dead: 4, pending: 1 })
})

test('a canary that died again stops its redrive, also when another redrive wants it meanwhile', async () => {
  const { tenantId } = await deadBatch(4)
  const { redrive: begun, chunks } = await redrive(tenantId, { canary: 1 })
  await die(chunks[0] as AcceptedChunk)
  await redrive(tenantId, { limit: 1 })
  expect((await advance(begun.id))?.redrive.state).toBe('stopped')
})

test('a canary of many lines that is split stops its redrive when one of them dies again', async () => {
  const tenantId = await ledger.newTenant()
  const lines = ['A', 'B'].map((sku) => adjustment(sku, 1))
  const { chunks } = await submit(ledger.db, tenantId, lines)
  const [whole] = chunks as [AcceptedChunk]
  await die(whole)
  await deadBatch(2, { tenantId })
  const { redrive: begun } = await redrive(tenantId, { canary: 1 })
  const split = await splitChunk(ledger.db, whole)
  if (split.outcome !== 'split') throw new Error('not split')
  const [good, bad] = split.parts as [AcceptedChunk, AcceptedChunk]
  await applyChunk(ledger.db, good)
  expect(await advance(begun.id)).toMatchObject({ redrive: { state: 'canary' }, chunks: [] })
  await die(bad)
  expect(await advance(begun.id)).toMatchObject({ redrive: { state: 'stopped' }, chunks: [] })
})

test('canaries of which none is found end their redrive', async () => {
  const step = await redrive(await ledger.newTenant(), { canary: 3 })
  expect(step).toMatchObject({ redrive: { state: 'done', redriven: 0 }, chunks: [] })
})

test('with a rate, as many are taken as the time since its beginning allows', async () => {
  const { tenantId } = await deadBatch(12)
  const { redrive: begun, chunks } = await redrive(tenantId, { ratePerSecond: 0.01, limit: 11 })
  expect(chunks.length).toBeLessThanOrEqual(1)
  await beginEarlier(begun.id, 350)
  const taken = await advance(begun.id)
  expect(taken?.redrive).toMatchObject({ state: 'running', redriven: 4 })
  expect((await advance(begun.id))?.chunks).toEqual([])
  await beginEarlier(begun.id, 10_000)
  expect((await advance(begun.id))?.redrive).toMatchObject({ state: 'done', redriven: 11 })
})

test('a rate counts from the end of the canary, however long that took', async () => {
  const { tenantId } = await deadBatch(12)
  const { redrive: begun, chunks } = await redrive(tenantId, { canary: 2, ratePerSecond: 0.01 })
  await beginEarlier(begun.id, 10_000)
  await applyAll(chunks)
  expect((await advance(begun.id))?.chunks.length).toBeLessThanOrEqual(1)
  await beginEarlier(begun.id, 350)
  expect((await advance(begun.id))?.redrive).toMatchObject({ state: 'running', redriven: 6 })
})

test('what is redriven waits from then on, whenever it was sent', async () => {
  const { tenantId, chunks } = await deadBatch(1)
  await ledger.admin.query(
    `update chunks set created_at = now() - interval '9 days' where batch_id = $1`,
    [chunks[0]?.batchId],
  )
  await redrive(tenantId)
  const backlog = await measureBacklog(ledger.db)
  expect(Math.max(...backlog.map((it) => it.oldestPendingSeconds))).toBeLessThan(60)
})

test('a chunk that dies again is not taken again by the same redrive, but by the next', async () => {
  const { tenantId, state } = await deadBatch(2)
  const { redrive: begun, chunks } = await redrive(tenantId, { ratePerSecond: 0.01 })
  await beginEarlier(begun.id, 150)
  chunks.push(...((await advance(begun.id))?.chunks ?? []))
  expect(chunks).toHaveLength(2)
  for (const chunk of chunks) await die(chunk)
  await beginEarlier(begun.id, 1_000)
  expect(await advance(begun.id)).toMatchObject({ redrive: { state: 'done' }, chunks: [] })
  expect(await state()).toMatchObject({ state: 'completed', dead: 2 })
  expect((await redrive(tenantId)).chunks).toHaveLength(2)
})

test('of many redrives at once each dead line is taken by one', async () => {
  const { tenantId, state } = await deadBatch(30)
  const steps = await Promise.all(
    Array.from({ length: 8 }, (_, index) => redrive(tenantId, { canary: index % 2 })),
  )
  const taken = steps.flatMap((step) => step.chunks.map((chunk) => chunk.chunk))
  expect(taken.length).toBe(new Set(taken).size)
  for (const { redrive: own, chunks } of steps) expect(own.redriven).toBe(chunks.length)
  const { pending, dead } = await state()
  expect({ pending, dead }).toEqual({ pending: taken.length, dead: 30 - taken.length })
  const left = await listUnsettledChunks(ledger.db, { olderThanMs: 0, limit: 1_000 })
  expect(left.length).toBeGreaterThanOrEqual(taken.length)
})

test('two that advance redrives at once take a step of each once', async () => {
  const { tenantId, state } = await deadBatch(6)
  const { redrive: begun, chunks } = await redrive(tenantId, { canary: 1 })
  await applyAll(chunks)
  const steps = (await Promise.all([1, 2, 3].map(() => advance(begun.id)))).filter(Boolean)
  const taken = steps.flatMap((step) => step?.chunks ?? [])
  expect(taken).toHaveLength(5)
  expect(await state()).toMatchObject({ applied: 1, pending: 5 })
})

test('only what matches is taken: by fingerprint, by batch, by id, and by all of them together', async () => {
  const { tenantId, id, chunks } = await deadBatch(2)
  const other = await deadBatch(3, { tenantId, error: { code: 'other', message: 'it threw' } })
  const fingerprints = { poison: 'poison:Leeds:ledger', other: 'other:Leeds:ledger' }
  const { items } = await listDeadLetters(ledger.db, tenantId, { limit: 10, batchId: id })
  const [letter] = items
  expect(letter?.fingerprint).toBe(fingerprints.poison)
  const none = await redrive(tenantId, { batchId: id, fingerprint: fingerprints.other })
  expect(none).toMatchObject({ redrive: { state: 'done', redriven: 0 } })
  const one = await redrive(tenantId, { id: letter?.id })
  expect(one.chunks).toEqual(chunks.slice(0, 1))
  const byFingerprint = await redrive(tenantId, { fingerprint: fingerprints.poison })
  expect(byFingerprint.chunks).toEqual(chunks.slice(1))
  const byBatch = await redrive(tenantId, { batchId: other.id })
  expect(byBatch.chunks).toEqual(other.chunks)
})

test("another tenant's dead lines stay dead, and its redrives are absent", async () => {
  const { tenantId, id, state } = await deadBatch(2)
  const { items } = await listDeadLetters(ledger.db, tenantId, { limit: 10 })
  const stranger = await ledger.newTenant()
  for (const request of [{}, { batchId: id }, { id: items[0]?.id }]) {
    expect((await redrive(stranger, request)).chunks).toEqual([])
  }
  expect(await state()).toMatchObject({ dead: 2 })
  const { redrive: own } = await redrive(tenantId)
  expect(await findRedrive(ledger.db, stranger, own.id)).toBeUndefined()
})

test('a redrive that races with retries of the same dead lines leaves every line with one outcome', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { tenantId, chunks, state } = await deadBatch(6)
    const [step] = await Promise.all([
      redrive(tenantId),
      ...chunks.map((chunk) => applyChunk(ledger.db, chunk)),
      ...chunks.map((chunk) => applyChunk(ledger.db, chunk)),
    ])
    await applyAll(step.chunks)
    expect(await state()).toMatchObject({ state: 'completed', applied: 6, dead: 0 })
  }
})

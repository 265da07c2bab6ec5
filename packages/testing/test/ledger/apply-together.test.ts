import {
  applyChunk,
  applyChunkAndWaiting,
  type ChunkRef,
  findBatch,
  listLineOutcomes,
  markChunkDead,
} from '@inventoryrpa/ledger'
import { refusePoison } from '@inventoryrpa/testing'
import { beforeAll, expect, test } from 'vitest'
import { adjustment, atHour, count } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { generator, randomLines } from './random-lines.ts'
import { type Options, submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const enough = { maxLines: 1_000 }

beforeAll(() => refusePoison(ledger.admin))

/** Ids order batches by the millisecond: two of one would be in any order. */
const submitInTurn = async (...args: Parameters<typeof submit>) => {
  const accepted = Date.now()
  const batch = await submit(...args)
  await expect.poll(() => Date.now() > accepted, { interval: 1 }).toBe(true)
  return batch
}

/** Batches of one chunk and one line each, in the order of the SKUs. */
const submitEach = async (tenantId: number, skus: string[], options?: Options) => {
  const chunks: ChunkRef[] = []
  for (const sku of skus) {
    const { chunks: own } = await submitInTurn(ledger.db, tenantId, [adjustment(sku, 1)], options)
    chunks.push(...own)
  }
  return chunks as [ChunkRef, ...ChunkRef[]]
}

test('a chunk takes those that wait behind it along, each batch is completed once, and their own jobs find them settled', async () => {
  const tenantId = await ledger.newTenant()
  const [before, ...chunks] = await submitEach(tenantId, ['A', 'A', 'B', 'A'])
  const result = await applyChunkAndWaiting(ledger.db, chunks[0] as ChunkRef, enough)
  const completedBatches = chunks.map((chunk) => chunk.batchId).sort()
  expect({ ...result, completedBatches: result.completedBatches.sort() }).toEqual({
    own: 'settled',
    chunks: 3,
    applied: 3,
    rejected: 0,
    held: 0,
    completedBatches,
  })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '2', 'B/Leeds': '1' })
  for (const chunk of chunks) {
    const again = await applyChunkAndWaiting(ledger.db, chunk, enough)
    expect(again).toMatchObject({ own: 'already-settled', chunks: 0, completedBatches: [] })
  }
  expect(await applyChunk(ledger.db, before)).toMatchObject({ own: 'settled', chunks: 1 })
})

test("another tenant's chunks, another policy's, dead ones and far larger ones are left where they are", async () => {
  const tenantId = await ledger.newTenant()
  const [own] = await submitEach(tenantId, ['A'])
  const others = [
    ...(await submitEach(await ledger.newTenant(), ['A'])),
    ...(await submitEach(tenantId, ['A'], { negativeStock: 'reject' })),
    ...(await submitEach(tenantId, ['A'])),
    ...(
      await submit(
        ledger.db,
        tenantId,
        Array.from({ length: 3 }, () => adjustment('A', 1)),
      )
    ).chunks,
  ] as const
  await markChunkDead(ledger.db, others[2] as ChunkRef, { code: 'dead', message: 'dead' })
  expect(await applyChunkAndWaiting(ledger.db, own, enough)).toMatchObject({ chunks: 1 })
  for (const chunk of others) {
    expect(await applyChunk(ledger.db, chunk)).toMatchObject({ own: 'settled' })
  }
})

test('no more are taken than the limit of lines allows, and always the chunk itself', async () => {
  const tenantId = await ledger.newTenant()
  const two = [adjustment('A', 1), adjustment('B', 1)]
  const batches = []
  for (let index = 0; index < 5; index += 1) {
    batches.push(await submitInTurn(ledger.db, tenantId, two))
  }
  const [first, second] = batches.map(({ chunks }) => chunks[0] as ChunkRef)
  expect(await applyChunkAndWaiting(ledger.db, first as ChunkRef, { maxLines: 1 })).toMatchObject({
    own: 'settled',
    chunks: 1,
  })
  expect(await applyChunkAndWaiting(ledger.db, second as ChunkRef, { maxLines: 7 })).toMatchObject({
    chunks: 3,
    applied: 6,
  })
})

test("a neighbour's fault is not the chunk's own", async () => {
  const tenantId = await ledger.newTenant()
  const [own, poison, behind] = (await submitEach(tenantId, ['A', 'poison', 'B'])) as [
    ChunkRef,
    ChunkRef,
    ChunkRef,
  ]
  expect(await applyChunkAndWaiting(ledger.db, own, enough)).toMatchObject({
    own: 'settled',
    chunks: 1,
    applied: 1,
  })
  await expect(applyChunkAndWaiting(ledger.db, poison, enough)).rejects.toThrow('poison')
  expect(await applyChunk(ledger.db, behind)).toMatchObject({ own: 'settled' })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '1', 'B/Leeds': '1' })
})

test('a chunk in the hand of another is waited for, and those behind it are applied meanwhile', async () => {
  const tenantId = await ledger.newTenant()
  const [own, behind] = (await submitEach(tenantId, ['A', 'B'])) as [ChunkRef, ChunkRef]
  await ledger.admin.query('begin')
  await ledger.admin.query('select from chunks where batch_id = $1 for update', [own.batchId])
  const applying = applyChunkAndWaiting(ledger.db, own, enough)
  await expect
    .poll(async () => (await findBatch(ledger.db, tenantId, behind.batchId))?.state, {
      interval: 10,
      timeout: 10_000,
    })
    .toBe('completed')
  expect(await findBatch(ledger.db, tenantId, own.batchId)).toMatchObject({ state: 'accepted' })
  await ledger.admin.query('rollback')
  expect(await applying).toMatchObject({ own: 'settled', chunks: 2 })
})

test('counts look back over what chunks before them in the same transaction moved', async () => {
  const tenantId = await ledger.newTenant()
  const at = (sku: string, quantity: number, hour: number) =>
    adjustment(sku, quantity, { observedAt: atHour(hour) })
  const batches = [
    [at('A', 10, 1), at('B', 10, 1)],
    [at('A', -1, 3), at('B', -2, 3)],
    // Counted between: the sales after it are kept.
    [count('A', 12, atHour(2)), count('B', 9, atHour(2))],
    [count('A', 4, atHour(4)), at('B', -1, 5)],
  ]
  const chunks = []
  for (const lines of batches)
    chunks.push(...(await submitInTurn(ledger.db, tenantId, lines)).chunks)
  const result = await applyChunkAndWaiting(ledger.db, chunks[0] as ChunkRef, enough)
  expect(result).toMatchObject({ chunks: 4, applied: 8 })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '4', 'B/Leeds': '6' })
})

test.for([1, 2, 3, 4, 5])(
  'chunks applied together end as they do one after another, line by line (seed %i)',
  async (seed) => {
    const random = generator(seed)
    const sent = Array.from({ length: 8 }, () => randomLines(random, 12))
    const outcomes = []
    for (const together of [true, false]) {
      const tenantId = await ledger.newTenant()
      const batches = []
      for (const lines of sent) {
        batches.push(await submitInTurn(ledger.db, tenantId, lines, { negativeStock: 'reject' }))
      }
      const chunks = batches.flatMap((batch) => batch.chunks)
      let transactions = 0
      for (const chunk of chunks) {
        const result = await (together
          ? applyChunkAndWaiting(ledger.db, chunk, { maxLines: 40 })
          : applyChunk(ledger.db, chunk))
        if (result.chunks > 0) transactions += 1
      }
      if (together) expect(transactions).toBeLessThan(chunks.length / 2)
      else expect(transactions).toBe(chunks.length)
      const lines = []
      for (const { id } of batches) {
        lines.push(...(await listLineOutcomes(ledger.db, id, { limit: 100 })).items)
      }
      outcomes.push({ lines, onHand: await onHandOf(ledger, tenantId) })
    }
    expect(outcomes[0]).toEqual(outcomes[1])
    expect(new Set(outcomes[0]?.lines.map((line) => line.outcome)).size).toBe(2)
  },
)

import {
  applyChunk,
  findBatch,
  inspectBatch,
  listLineOutcomes,
  markChunkDead,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const poison = { code: 'poison', message: 'it threw' }

/** Three chunks of two lines; of each, the second line is rejected. */
const submitThree = async () => {
  const tenantId = await ledger.newTenant()
  const lines = ['A', 'B', 'C'].flatMap((sku) => [
    adjustment(sku, 1),
    adjustment(sku, 1, { expectedOnHand: 9 }),
  ])
  const { id, chunks } = await submit(ledger.db, tenantId, lines, { maxChunkLines: 2 })
  const [first, second, third] = chunks
  if (!first || !second || !third) throw new Error('three chunks expected')
  const batch = async () => {
    const { state, counts, completedAt } = (await findBatch(ledger.db, tenantId, id)) ?? {}
    const { total, ...parts } = counts ?? { total: -1 }
    expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBe(total)
    return { state, counts, completed: completedAt !== null }
  }
  return { tenantId, id, first, second, third, chunks, batch }
}

test('the counts add up after every chunk, and the last chunk completes the batch', async () => {
  const { id, first, second, third, batch } = await submitThree()
  expect(await batch()).toMatchObject({ state: 'accepted', counts: { pending: 6 } })
  const settled = { own: 'settled', chunks: 1, applied: 1, rejected: 1, held: 0 }
  for (const [chunk, pending] of [
    [second, 4],
    [third, 2],
  ] as const) {
    expect(await applyChunk(ledger.db, chunk)).toEqual({ ...settled, completedBatches: [] })
    expect(await batch()).toMatchObject({
      state: 'processing',
      counts: { pending },
      completed: false,
    })
  }
  expect(await applyChunk(ledger.db, first)).toEqual({ ...settled, completedBatches: [id] })
  const counts = { total: 6, applied: 3, rejected: 3, pending: 0, dead: 0 }
  expect(await batch()).toMatchObject({ state: 'completed', counts, completed: true })
})

test('of chunks applied at once exactly one completes the batch', async () => {
  const { chunks, batch } = await submitThree()
  const results = await Promise.all([...chunks, ...chunks].map((c) => applyChunk(ledger.db, c)))
  const completions = results.flatMap((result) => result.completedBatches)
  expect(completions).toHaveLength(1)
  expect(await batch()).toMatchObject({ state: 'completed', counts: { applied: 3, rejected: 3 } })
})

test('a batch whose last chunk is dead is completed, with its lines counted as dead', async () => {
  const { first, second, third, batch } = await submitThree()
  for (const chunk of [first, second]) await applyChunk(ledger.db, chunk)
  expect(await markChunkDead(ledger.db, third, poison)).toBe(true)
  const counts = { applied: 2, rejected: 2, dead: 2, pending: 0 }
  expect(await batch()).toMatchObject({ state: 'completed', counts })
})

test('a dead chunk that is applied later moves its lines from dead to their endings', async () => {
  const { id, tenantId, first, second, third, batch } = await submitThree()
  expect(await markChunkDead(ledger.db, second, poison)).toBe(true)
  expect(await batch()).toMatchObject({ state: 'processing', counts: { dead: 2, pending: 4 } })
  await applyChunk(ledger.db, first)
  expect(await applyChunk(ledger.db, second)).toMatchObject({ applied: 1, completedBatches: [] })
  expect(await batch()).toMatchObject({ state: 'processing', counts: { dead: 0, applied: 2 } })
  expect(await applyChunk(ledger.db, third)).toMatchObject({ completedBatches: [id] })
  const { items } = await listLineOutcomes(ledger.db, id, { limit: 10 })
  expect(items.map((line) => line.outcome)).toEqual(
    [1, 2, 3].flatMap(() => ['applied', 'rejected']),
  )
  expect(Object.values(await onHandOf(ledger, tenantId))).toEqual(['1', '1', '1'])
})

test('a dead chunk applied after the batch was completed does not move its completion', async () => {
  const { tenantId, id, first, second, third } = await submitThree()
  for (const chunk of [first, second]) await applyChunk(ledger.db, chunk)
  await markChunkDead(ledger.db, third, poison)
  const completed = await findBatch(ledger.db, tenantId, id)
  expect(await applyChunk(ledger.db, third)).toMatchObject({ completedBatches: [] })
  const now = await findBatch(ledger.db, tenantId, id)
  expect(now).toMatchObject({ state: 'completed', completedAt: completed?.completedAt })
  expect(now?.counts).toMatchObject({ applied: 3, rejected: 3, dead: 0 })
})

test('a chunk dies once, and not at all once it is settled or if it never was', async () => {
  const { id, first, second, batch } = await submitThree()
  const deaths = Array.from({ length: 5 }, () => markChunkDead(ledger.db, first, poison))
  expect((await Promise.all(deaths)).filter(Boolean)).toHaveLength(1)
  await applyChunk(ledger.db, second)
  expect(await markChunkDead(ledger.db, second, poison)).toBe(false)
  expect(await markChunkDead(ledger.db, { batchId: id, chunk: 9 }, poison)).toBe(false)
  expect(await batch()).toMatchObject({ counts: { dead: 2, applied: 1, rejected: 1, pending: 2 } })
})

test('a chunk that dies while it is being applied ends in one of the two, never in both', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { id, first, second, third, batch } = await submitThree()
    for (const chunk of [second, third]) await applyChunk(ledger.db, chunk)
    await Promise.all([applyChunk(ledger.db, first), markChunkDead(ledger.db, first, poison)])
    expect(await batch()).toMatchObject({ state: 'completed', counts: { applied: 3, dead: 0 } })
    const { items } = await listLineOutcomes(ledger.db, id, { limit: 10 })
    expect(items.map((line) => line.line)).toEqual([1, 2, 3, 4, 5, 6])
  }
})

test('the lines of a dead chunk carry its error', async () => {
  const { id, second } = await submitThree()
  await markChunkDead(ledger.db, second, poison)
  const { items } = await listLineOutcomes(ledger.db, id, { limit: 10, outcome: 'dead' })
  const dead = { outcome: 'dead', code: 'poison', detail: 'it threw', sku: 'B', movements: [] }
  expect(items).toMatchObject([
    { line: 3, ...dead },
    { line: 4, ...dead },
  ])
})

test('a chunk dies of an error whose message PostgreSQL cannot keep as it is', async () => {
  const { id, second } = await submitThree()
  const error = { code: 'poison', message: 'bad byte \u0000 in \ud800' }
  expect(await markChunkDead(ledger.db, second, error)).toBe(true)
  const { items } = await listLineOutcomes(ledger.db, id, { limit: 10, outcome: 'dead' })
  const detail = 'bad byte \ufffd in \ufffd'
  expect(items).toMatchObject([{ detail }, { detail }])
})

test('an operator sees the chunks that are not applied, and why', async () => {
  const { id, first, second } = await submitThree()
  await applyChunk(ledger.db, first)
  await markChunkDead(ledger.db, second, poison)
  expect(await inspectBatch(ledger.db, id)).toMatchObject({
    id,
    counts: { total: 6, pending: 2, dead: 2 },
    openChunks: [
      { chunk: 1, lines: 2, dead: true, error: 'it threw' },
      { chunk: 2, lines: 2, dead: false, error: null },
    ],
  })
  expect(await inspectBatch(ledger.db, crypto.randomUUID())).toBeUndefined()
})

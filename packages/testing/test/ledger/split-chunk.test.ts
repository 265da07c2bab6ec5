import type { Line } from '@inventoryrpa/contracts'
import {
  type AcceptedChunk,
  applyChunk,
  applyChunkAndWaiting,
  type ChunkRef,
  listLineOutcomes,
  listUnsettledChunks,
  markChunkDead,
  splitChunk,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { batchState } from './batch-state.ts'
import { adjustment, atHour, count, transfer } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { type Options, submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const poison = { code: 'poison', message: 'it threw' }

const submitOne = async (lines: Line[], options?: Options) => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(ledger.db, tenantId, lines, options)
  const [chunk] = chunks
  if (!chunk || chunks.length > 1) throw new Error('one chunk expected')
  return { tenantId, id, chunk, state: () => batchState(ledger, tenantId, id) }
}
const split = async (ref: ChunkRef): Promise<AcceptedChunk[]> => {
  const result = await splitChunk(ledger.db, ref)
  if (result.outcome !== 'split') throw new Error(`not split: ${result.outcome}`)
  return result.parts
}
/** The numbers of the lines that one part after the other applies. */
const applyInTurn = async (id: string, parts: ChunkRef[]) => {
  const applied: number[][] = []
  for (const part of parts) {
    await applyChunk(ledger.db, part)
    const { items } = await listLineOutcomes(ledger.db, id, { limit: 1_000 })
    applied.push(items.map((line) => line.line).filter((line) => !applied.flat().includes(line)))
  }
  return applied
}

test('lines of a level stay together and in order, and every line keeps its number', async () => {
  const skus = ['A', 'B', 'A', 'C', 'B', 'A']
  const { tenantId, id, chunk, state } = await submitOne(skus.map((sku) => adjustment(sku, 1)))
  const parts = await split(chunk)
  expect(parts).toMatchObject([1, 2].map((part) => ({ batchId: id, chunk: part, queue: 'apply' })))
  expect(await state()).toMatchObject({ state: 'accepted', pending: 6 })
  expect(await applyInTurn(id, parts)).toEqual([
    [1, 3, 6],
    [2, 4, 5],
  ])
  expect(await state()).toMatchObject({ state: 'completed', applied: 6 })
  expect(await onHandOf(ledger, tenantId)).toEqual({
    'A/Leeds': '3',
    'B/Leeds': '2',
    'C/Leeds': '1',
  })
})

test('the two ends of a transfer stay in one part', async () => {
  const lines = [adjustment('A', 2), adjustment('B', 1), transfer('A', 1), adjustment('B', 1)]
  const { id, chunk } = await submitOne(lines)
  expect(await applyInTurn(id, await split(chunk))).toEqual([
    [1, 3],
    [2, 4],
  ])
})

test('lines that are all of one level are parted in their order, down to single ones', async () => {
  const lines = [3, 1, 2].map((quantity) => adjustment('A', quantity))
  const { tenantId, id, chunk } = await submitOne([...lines, count('A', 9, atHour(5))])
  const parts: AcceptedChunk[] = []
  for (const half of await split(chunk)) parts.push(...(await split(half)))
  expect(parts).toHaveLength(4)
  expect(await applyInTurn(id, parts)).toEqual([[1], [2], [3], [4]])
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ applied: 4 })
  for (const part of parts) expect(await splitChunk(ledger.db, part)).toEqual({ outcome: 'gone' })
})

test('the parts of a chunk that was stored as the body of its request have the lines of that body', async () => {
  const lines = ['A', 'B', 'C'].map((sku, index) => adjustment(sku, index + 1))
  const body = Buffer.from(JSON.stringify({ lines, negativeStock: 'allow', reference: 'a body' }))
  const { tenantId, id, chunk, state } = await submitOne(lines, { body })
  const parts = await split(chunk)
  const [first] = parts
  const numbers = await applyInTurn(id, [...(await split(first as ChunkRef)), parts[1] as ChunkRef])
  expect(numbers).toEqual([[1], [2], [3]])
  expect(await state()).toMatchObject({ state: 'completed', applied: 3 })
  expect(await onHandOf(ledger, tenantId)).toEqual({
    'A/Leeds': '1',
    'B/Leeds': '2',
    'C/Leeds': '3',
  })
})

test('a chunk of one line is single and stays as it is', async () => {
  const { id, chunk, state } = await submitOne([adjustment('A', 1)])
  expect(await splitChunk(ledger.db, chunk)).toEqual({ outcome: 'single' })
  expect(await applyInTurn(id, [chunk])).toEqual([[1]])
  expect(await state()).toMatchObject({ state: 'completed', applied: 1 })
})

test('a chunk that is settled, was split or never was, is gone', async () => {
  const { id, chunk } = await submitOne([adjustment('A', 1), adjustment('B', 1)])
  const [part] = await split(chunk)
  await applyChunk(ledger.db, part as ChunkRef)
  for (const gone of [chunk, part as ChunkRef, { batchId: id, chunk: 99 }]) {
    expect(await splitChunk(ledger.db, gone)).toEqual({ outcome: 'gone' })
  }
  expect(await applyChunk(ledger.db, chunk)).toMatchObject({ own: 'already-settled' })
})

test('the lines of a dead chunk that is split are pending again, and dead one by one', async () => {
  const { id, chunk, state } = await submitOne([adjustment('A', 1), adjustment('B', 1)])
  await markChunkDead(ledger.db, chunk, poison)
  expect(await state()).toMatchObject({ state: 'completed', dead: 2 })
  const [first, second] = await split(chunk)
  expect(await state()).toMatchObject({ state: 'processing', dead: 0, pending: 2 })
  expect(await markChunkDead(ledger.db, chunk, poison)).toBe(false)
  await applyChunk(ledger.db, first as ChunkRef)
  expect(await markChunkDead(ledger.db, second as ChunkRef, poison)).toBe(true)
  expect(await state()).toMatchObject({ state: 'completed', applied: 1, dead: 1 })
  const { items } = await listLineOutcomes(ledger.db, id, { limit: 10, outcome: 'dead' })
  expect(items).toMatchObject([{ line: 2, code: 'poison' }])
})

test('of 20 splits at once one splits, and the relay finds its parts alone', async () => {
  const lines = ['A', 'B', 'C', 'D'].map((sku) => adjustment(sku, 1))
  const { id, chunk, state } = await submitOne(lines)
  const results = await Promise.all(Array.from({ length: 20 }, () => splitChunk(ledger.db, chunk)))
  expect(results.filter((it) => it.outcome === 'split')).toHaveLength(1)
  expect(results.filter((it) => it.outcome === 'gone')).toHaveLength(19)
  const unsettled = await listUnsettledChunks(ledger.db, { olderThanMs: 0, limit: 1_000 })
  const own = unsettled.filter((it) => it.batchId === id)
  expect(own.map((it) => it.chunk)).toEqual([1, 2])
  expect(await state()).toMatchObject({ pending: 4 })
})

test('two chunks of a batch that are split at once get parts of different numbers', async () => {
  const tenantId = await ledger.newTenant()
  const lines = ['A', 'B', 'C', 'D', 'E', 'F'].map((sku) => adjustment(sku, 1))
  const { id, chunks } = await submit(ledger.db, tenantId, lines, { maxChunkLines: 2 })
  const parts = (await Promise.all(chunks.map(split))).flat()
  expect(parts.map((part) => part.chunk).sort()).toEqual([3, 4, 5, 6, 7, 8])
  await Promise.all(parts.map((part) => applyChunk(ledger.db, part)))
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ state: 'completed', applied: 6 })
})

test('splits that race with deliveries, deaths and each other leave every line with one outcome', async () => {
  for (let round = 0; round < 8; round += 1) {
    const skus = ['A', 'B', 'A', 'C', 'D']
    const { tenantId, id, chunk, state } = await submitOne(skus.map((sku) => adjustment(sku, 1)))
    const results = await Promise.all([
      applyChunk(ledger.db, chunk),
      splitChunk(ledger.db, chunk),
      markChunkDead(ledger.db, chunk, poison),
      splitChunk(ledger.db, chunk),
      applyChunk(ledger.db, chunk),
    ])
    expect(results).toHaveLength(5)
    const { pending } = await state()
    const left = await listUnsettledChunks(ledger.db, { olderThanMs: 0, limit: 1_000 })
    const parts = left.filter((it) => it.batchId === id)
    expect(parts.length > 0).toBe(pending > 0)
    for (const part of parts) await applyChunk(ledger.db, part)
    expect(await state()).toMatchObject({ state: 'completed', applied: 5, dead: 0 })
    expect(await onHandOf(ledger, tenantId)).toMatchObject({ 'A/Leeds': '2', 'D/Leeds': '1' })
  }
})

test('parts wait for the time that their chunk waits for', async () => {
  const notBefore = new Date(Date.now() + 3_600_000)
  const { chunk } = await submitOne([adjustment('A', 1), adjustment('B', 1)], { notBefore })
  for (const part of await split(chunk)) {
    expect(await applyChunk(ledger.db, part)).toMatchObject({ own: 'not-due', applied: 0 })
  }
})

test('parts of a chunk that ends processes are known as such, in the queue and to the relay', async () => {
  const { id, chunk } = await submitOne([adjustment('A', 1), adjustment('B', 1)])
  const deadly = await splitChunk(ledger.db, chunk, { isDeadly: true })
  if (deadly.outcome !== 'split') throw new Error(deadly.outcome)
  expect(deadly.parts.map((part) => part.suspect)).toEqual([true, true])
  const unsettled = await listUnsettledChunks(ledger.db, { olderThanMs: 0, limit: 1_000 })
  const own = unsettled.filter((it) => it.batchId === id)
  expect(own.map((it) => it.suspect)).toEqual([true, true])
})

test('parts of a chunk that only failed are as good as others, but applied alone', async () => {
  const tenantId = await ledger.newTenant()
  const lines = [adjustment('A', 1), adjustment('B', 1)]
  const { chunks } = await submit(ledger.db, tenantId, lines)
  const parts = await split(chunks[0] as ChunkRef)
  expect(parts.map((part) => part.suspect)).toEqual([false, false])
  const options = { maxLines: 1_000 }
  expect(await applyChunkAndWaiting(ledger.db, parts[0] as ChunkRef, options)).toMatchObject({
    own: 'settled',
    chunks: 1,
  })
})

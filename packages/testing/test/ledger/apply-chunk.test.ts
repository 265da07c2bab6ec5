import { randomUUID } from 'node:crypto'
import { applyChunk, type ChunkRef, findBatch } from '@inventoryrpa/ledger'
import { refusePoison, until } from '@inventoryrpa/testing'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { adjustment, atHour, count, transfer } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { submit, submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()

beforeAll(() => refusePoison(ledger.admin))

const submitOne = async (...args: Parameters<typeof submit>) => {
  const { id, chunks } = await submit(...args)
  expect(chunks).toHaveLength(1)
  return { id, chunk: chunks[0] as ChunkRef }
}
const waitingForLocks = async (statements: number) =>
  until(
    async () => {
      const { rows } = await ledger.admin.query(
        `select count(*)::int from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows[0].count >= statements
    },
    { describe: `${statements} statements that wait for a lock`, everyMs: 10 },
  )

test('20 deliveries at once apply a chunk once', async () => {
  const tenantId = await ledger.newTenant()
  const { chunk } = await submitOne(ledger.db, tenantId, [adjustment('A', 3), transfer('A', 1)])
  const deliveries = Array.from({ length: 20 }, () => applyChunk(ledger.db, chunk))
  const outcomes = (await Promise.all(deliveries)).map((result) => result.own)
  expect(outcomes.filter((outcome) => outcome === 'settled')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === 'already-settled')).toHaveLength(19)
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '2', 'A/Paris': '1' })
})

test('a chunk that never was is unknown', async () => {
  const { chunk } = await submitOne(ledger.db, await ledger.newTenant(), [adjustment('A', 1)])
  for (const unknown of [
    { ...chunk, chunk: 1 },
    { batchId: randomUUID(), chunk: 0 },
  ]) {
    expect(await applyChunk(ledger.db, unknown)).toMatchObject({ own: 'unknown', chunks: 0 })
  }
})

test('a statement that fails leaves nothing of its chunk, and the chunk can still be applied', async () => {
  const tenantId = await ledger.newTenant()
  const lines = [
    adjustment('A', 1),
    adjustment('poison', 1),
    adjustment('B', 1, { expectedOnHand: 9 }),
  ]
  const { id, chunk } = await submitOne(ledger.db, tenantId, lines)
  const before = await findBatch(ledger.db, tenantId, id)
  await expect(applyChunk(ledger.db, chunk)).rejects.toThrow('poison')
  expect(await onHandOf(ledger, tenantId)).toEqual({})
  expect(await findBatch(ledger.db, tenantId, id)).toEqual(before)
  const { rows } = await ledger.admin.query(
    `select from movements where batch_id = $1
    union all select from line_outcomes where batch_id = $1`,
    [id],
  )
  expect(rows).toEqual([])
  await ledger.admin.query('alter table movements disable trigger refuse_poison')
  const result = await applyChunk(ledger.db, chunk)
  await ledger.admin.query('alter table movements enable trigger refuse_poison')
  expect(result).toMatchObject({ own: 'settled', applied: 2, rejected: 1 })
})

test('chunks that make the same new levels in opposite orders all settle', async () => {
  const tenantId = await ledger.newTenant()
  const skus = Array.from({ length: 40 }, (_, index) => `S${index}`)
  const batches = Array.from({ length: 10 }, (_, index) => {
    const order = index % 2 === 0 ? skus : [...skus].reverse()
    return submitAndApply(
      ledger.db,
      tenantId,
      order.map((sku) => adjustment(sku, 1)),
    )
  })
  await Promise.all(batches)
  const levels = await onHandOf(ledger, tenantId)
  expect(levels).toEqual(Object.fromEntries(skus.map((sku) => [`${sku}/Leeds`, '10'])))
})

test('transfers in opposite directions at once all settle, and conserve the stock', async () => {
  const tenantId = await ledger.newTenant()
  const back = { location: 'Paris', toLocation: 'Leeds' }
  const lines = Array.from({ length: 20 }, (_, index) => transfer('A', 1, index % 2 ? back : {}))
  await Promise.all(lines.map((line) => submitAndApply(ledger.db, tenantId, [line])))
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '0', 'A/Paris': '0' })
})

test('a level that another transaction makes meanwhile is added to, not written over', async () => {
  const tenantId = await ledger.newTenant()
  const { chunk } = await submitOne(ledger.db, tenantId, [adjustment('A', 1), adjustment('B', 1)])
  await ledger.admin.query('begin')
  await ledger.admin.query(
    "insert into stock_levels (tenant_id, sku, location, on_hand, version) values ($1, 'B', 'Leeds', 5, 1)",
    [tenantId],
  )
  const applying = applyChunk(ledger.db, chunk)
  await waitingForLocks(1)
  await ledger.admin.query('commit')
  expect(await applying).toMatchObject({ own: 'settled', applied: 2 })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '1', 'B/Leeds': '6' })
})

test('a level that is locked is waited for, and read as its holder left it', async () => {
  const tenantId = await ledger.newTenant()
  await submitAndApply(ledger.db, tenantId, [adjustment('A', 1)])
  const { chunk } = await submitOne(ledger.db, tenantId, [adjustment('A', 1)])
  await ledger.admin.query('begin')
  await ledger.admin.query('update stock_levels set on_hand = 7 where tenant_id = $1', [tenantId])
  const applying = applyChunk(ledger.db, chunk)
  await waitingForLocks(1)
  await ledger.admin.query('commit')
  await applying
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '8' })
})

test('levels are locked in key order', async () => {
  const tenantId = await ledger.newTenant()
  const skus = ['D', 'B', 'A', 'C', 'E']
  const lines = skus.map((sku) => adjustment(sku, 1))
  await submitAndApply(ledger.db, tenantId, lines)
  const { chunk } = await submitOne(ledger.db, tenantId, lines)
  await ledger.admin.query('begin')
  await ledger.admin.query(
    "select from stock_levels where tenant_id = $1 and sku = 'C' for update",
    [tenantId],
  )
  const applying = applyChunk(ledger.db, chunk)
  await waitingForLocks(1)
  const { rows } = await sql<{ sku: string }>`
    select sku from stock_levels where tenant_id = ${tenantId} order by sku for update skip locked
  `.execute(ledger.db)
  await ledger.admin.query('rollback')
  expect(rows.map((row) => row.sku)).toEqual(['D', 'E'])
  expect(await applying).toMatchObject({ own: 'settled' })
})

test('one level of 10,000 lines is one chunk, whether they are applied or rejected', async () => {
  const tenantId = await ledger.newTenant()
  const taking = Array.from({ length: 10_000 }, () => adjustment('A', -1))
  const rejecting = await submitOne(ledger.db, tenantId, taking, { negativeStock: 'reject' })
  expect(await applyChunk(ledger.db, rejecting.chunk)).toMatchObject({ rejected: 10_000 })
  const allowing = await submitOne(ledger.db, tenantId, taking)
  expect(await applyChunk(ledger.db, allowing.chunk)).toMatchObject({ applied: 10_000 })
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '-10000' })
})

test('a tenth added ten times is one', async () => {
  const tenantId = await ledger.newTenant()
  await submitAndApply(
    ledger.db,
    tenantId,
    Array.from({ length: 10 }, () => adjustment('A', 0.1)),
  )
  for (let times = 0; times < 10; times += 1) {
    await submitAndApply(ledger.db, tenantId, [adjustment('B', '0.1')])
  }
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '1', 'B/Leeds': '1' })
})

test('the largest quantities are kept to the last thousandth', async () => {
  const tenantId = await ledger.newTenant()
  const lines = [adjustment('A', '999999999999.999'), adjustment('A', 999_999_999_999.999)]
  await submitAndApply(ledger.db, tenantId, lines)
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '1999999999999.998' })
})

test('what goes out of the range of the ledger is rejected, and fails no neighbour', async () => {
  const tenantId = await ledger.newTenant()
  const most = Array.from({ length: 1_001 }, () =>
    adjustment('A', '-999999999999.999', { observedAt: atHour(0) }),
  )
  const id = await submitAndApply(ledger.db, tenantId, [
    ...most,
    count('A', '999999999999', atHour(1)),
  ])
  const counts = { total: 1_002, applied: 1_000, rejected: 2, dead: 0, pending: 0 }
  expect(await findBatch(ledger.db, tenantId, id)).toMatchObject({ state: 'completed', counts })
})

test("tenants with the same SKUs do not see each other's stock", async () => {
  const tenants = [await ledger.newTenant(), await ledger.newTenant()]
  for (const tenantId of tenants) await submitAndApply(ledger.db, tenantId, [adjustment('A', 4)])
  for (const tenantId of tenants) {
    expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '4' })
  }
})

import { createHash } from 'node:crypto'
import {
  type AcceptBatch,
  acceptBatch,
  applyChunk,
  dropOldIdempotencyKeys,
  ensureTenant,
  openLedger,
} from '@inventoryrpa/ledger'
import { createTestDatabase } from '@inventoryrpa/testing'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { adjustment, count, transfer } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const maxChunkLines = 2

const request = async (key: string, body = 'body', more: { tenantId?: number } = {}) => ({
  tenantId: await ledger.newTenant(),
  reference: 'r-1',
  mode: 'apply' as const,
  negativeStock: 'allow' as const,
  lines: [adjustment('A', 1), adjustment('B', 1), adjustment('C', 1)],
  idempotency: { key, bodySha256: createHash('sha256').update(body).digest() },
  ...more,
})
const accept = (batch: AcceptBatch) => acceptBatch(ledger.db, batch, { maxChunkLines })
const rowsOf = async (tenantId: number) => {
  const { rows } = await ledger.admin.query(
    `select (select count(*)::int from batches where tenant_id = $1) as batches,
      (select count(*)::int from chunks c join batches b on b.id = c.batch_id where tenant_id = $1) as chunks,
      (select count(*)::int from idempotency_keys where tenant_id = $1) as keys`,
    [tenantId],
  )
  return rows[0]
}

test('a batch is stored with its chunks and its key, and answered as it is kept', async () => {
  const batch = await request('stored')
  const accepted = await accept(batch)
  expect(accepted).toMatchObject({
    outcome: 'accepted',
    chunks: [
      { chunk: 0, queue: 'apply' },
      { chunk: 1, queue: 'apply' },
    ],
    batch: {
      reference: 'r-1',
      mode: 'apply',
      negativeStock: 'allow',
      state: 'accepted',
      counts: { total: 3, pending: 3, applied: 0, rejected: 0, held: 0, dead: 0, cancelled: 0 },
      completedAt: null,
    },
  })
  expect(await rowsOf(batch.tenantId)).toEqual({ batches: 1, chunks: 2, keys: 1 })
})

test('a batch of an unknown tenant leaves nothing, not even its chunks', async () => {
  const batch = await request('nobody', 'body', { tenantId: 2_000_000_000 })
  await expect(accept(batch)).rejects.toThrow('foreign key')
  expect(await rowsOf(batch.tenantId)).toEqual({ batches: 0, chunks: 0, keys: 0 })
})

test('the same request again is answered with the first answer, and stored once', async () => {
  const batch = await request('again')
  const first = await accept(batch)
  expect(first.outcome).toBe('accepted')
  const again = await accept(batch)
  expect(again).toEqual({ outcome: 'replayed', batch: first.outcome === 'accepted' && first.batch })
  expect(await rowsOf(batch.tenantId)).toEqual({ batches: 1, chunks: 2, keys: 1 })
})

test('the first answer stays the same after the batch has been applied', async () => {
  const batch = await request('completed')
  const first = await accept(batch)
  if (first.outcome !== 'accepted') throw new Error(first.outcome)
  for (const chunk of [0, 1]) await applyChunk(ledger.db, { batchId: first.batch.id, chunk })
  expect(await accept(batch)).toEqual({ outcome: 'replayed', batch: first.batch })
})

test('a key that comes with another body is a mismatch, and stores nothing', async () => {
  const batch = await request('mismatch')
  await accept(batch)
  const other = { ...(await request('mismatch', 'other')), tenantId: batch.tenantId }
  expect(await accept(other)).toEqual({ outcome: 'mismatch' })
  expect(await rowsOf(batch.tenantId)).toEqual({ batches: 1, chunks: 2, keys: 1 })
})

test("a key is its tenant's own", async () => {
  const [one, other] = [await request('shared'), await request('shared', 'other')]
  expect((await accept(one)).outcome).toBe('accepted')
  expect((await accept(other)).outcome).toBe('accepted')
})

test('without a key the same lines are a batch each time', async () => {
  const batch = { ...(await request('none')), idempotency: undefined }
  for (const _ of [1, 2]) expect((await accept(batch)).outcome).toBe('accepted')
  expect(await rowsOf(batch.tenantId)).toEqual({ batches: 2, chunks: 4, keys: 0 })
})

test('a key whose first request is still running is answered so, and can be used afterwards', async () => {
  const batch = await request('running')
  const { admin } = ledger
  await admin.query('begin')
  await admin.query('select pg_advisory_xact_lock(hashtextextended($1, $2))', [
    batch.idempotency.key,
    batch.tenantId,
  ])
  expect(await accept(batch)).toEqual({ outcome: 'running' })
  expect(await rowsOf(batch.tenantId)).toEqual({ batches: 0, chunks: 0, keys: 0 })
  await admin.query('rollback')
  expect((await accept(batch)).outcome).toBe('accepted')
})

test('the same request 50 times at once is one batch', async () => {
  const batch = await request('at-once')
  const answers = await Promise.all(Array.from({ length: 50 }, () => accept(batch)))
  const outcomes = answers.map((answer) => answer.outcome)
  expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
  expect(outcomes).not.toContain('mismatch')
  const ids = answers.flatMap((answer) => ('batch' in answer ? [answer.batch.id] : []))
  expect(new Set(ids).size).toBe(1)
  expect(await rowsOf(batch.tenantId)).toEqual({ batches: 1, chunks: 2, keys: 1 })
  expect((await accept(batch)).outcome).toBe('replayed')
})

test('a body stored as it came is applied as its lines in chunks of their own are', async () => {
  const lines = [
    adjustment('A', '2.5', {
      reason: 'sale',
      reference: '536365',
      observedAt: '2020-01-01T00:00:00+02:00',
    }),
    count('B', 7, '2020-01-02T00:00:00Z'),
    transfer('C', 3),
    adjustment('A', 0.1, { expectedOnHand: '2.5' }),
  ]
  const body = Buffer.from(JSON.stringify({ reference: 'x', lines }, null, 2))
  const trails = [{ body }, { maxChunkLines: 1 }].map(async (options) => {
    const tenantId = await ledger.newTenant()
    const { chunks } = await submit(ledger.db, tenantId, lines, options)
    for (const chunk of chunks) await applyChunk(ledger.db, chunk)
    const { rows } = await ledger.admin.query(
      `select line, leg, type, sku, location, quantity, on_hand_after, version, reason, reference,
        case when reason = 'sale' or type = 'count' then occurred_at end as occurred_at
      from movements where tenant_id = $1 order by line, leg`,
      [tenantId],
    )
    return rows
  })
  const [whole, parts] = await Promise.all(trails)
  expect(whole).toHaveLength(5)
  expect(whole).toEqual(parts)
})

test('keys are kept for a day at least and dropped in the end, their batches kept', async () => {
  const [young, old] = [await request('young'), await request('old')]
  for (const batch of [young, old]) await accept(batch)
  const age = 'update idempotency_keys set created_at = now() - $2::interval where tenant_id = $1'
  await ledger.admin.query(age, [young.tenantId, '25 hours'])
  await ledger.admin.query(age, [old.tenantId, '3 days'])
  expect(await dropOldIdempotencyKeys(ledger.db)).toBe(1)
  expect((await accept(young)).outcome).toBe('replayed')
  expect(await rowsOf(old.tenantId)).toEqual({ batches: 1, chunks: 2, keys: 0 })
})

test('open connections go on accepting while a migration adds a column', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  // The same connection throughout: it has prepared the statement before the column is there.
  const { db, close } = openLedger({ databaseUrl: database.url, maxConnections: 1 })
  onTestFinished(close)
  const tenantId = await ensureTenant(db, 'rolling')
  const submitOne = () => submit(db, tenantId, [adjustment('A', 1)])
  await submitOne()
  await sql`alter table batches add column added_by_the_next_release integer`.execute(db)
  await submitOne()
  await sql`alter table batches drop column added_by_the_next_release`.execute(db)
  await submitOne()
})

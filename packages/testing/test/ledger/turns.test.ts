import {
  type AcceptBatch,
  applyChunk,
  applyChunkAndWaiting,
  type ChunkRef,
  countLinesAhead,
  countTenantBacklog,
  listUnsettledChunks,
  measureBacklog,
  type QueueBacklog,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const submitLines = (tenantId: number, lines: number, options: Partial<AcceptBatch> = {}) => {
  const adjustments = Array.from({ length: lines }, (_, index) => adjustment(`S${index}`, 1))
  return submit(ledger.db, tenantId, adjustments, { maxChunkLines: 5, ...options })
}
const first = ({ chunks }: { chunks: ChunkRef[] }) => chunks[0] as ChunkRef
const inAnHour = () => new Date(Date.now() + 3_600_000)
const backlogOfApply = async () => {
  const backlogs = await measureBacklog(ledger.db)
  return backlogs.find(({ queue }) => queue === 'apply') as QueueBacklog
}
const together = { maxLines: 1_000, givesWay: true }

test('a chunk gives way while one of its tenant with a higher priority waits, and only then', async () => {
  const tenantId = await ledger.newTenant()
  const normal = await submitLines(tenantId, 5)
  const low = await submitLines(tenantId, 5, { priority: 'low' })
  await submitLines(await ledger.newTenant(), 5, { priority: 'high' })
  await submitLines(tenantId, 5, { priority: 'high', express: true })
  await submitLines(tenantId, 5, { priority: 'high', notBefore: inAnHour() })
  expect((await applyChunkAndWaiting(ledger.db, first(low), together)).own).toBe('outranked')
  const high = await submitLines(tenantId, 5, { priority: 'high' })
  expect(await applyChunkAndWaiting(ledger.db, first(normal), together)).toMatchObject({
    own: 'outranked',
    applied: 0,
  })
  expect((await applyChunkAndWaiting(ledger.db, first(high), together)).own).toBe('settled')
  expect((await applyChunkAndWaiting(ledger.db, first(normal), together)).own).toBe('settled')
  expect((await applyChunkAndWaiting(ledger.db, first(low), together)).own).toBe('settled')
})

test('a chunk does not give way to one that is in hand', async () => {
  const tenantId = await ledger.newTenant()
  const normal = await submitLines(tenantId, 5)
  const high = await submitLines(tenantId, 5, { priority: 'high' })
  await ledger.admin.query('begin')
  await ledger.admin.query('select from chunks where batch_id = $1 for update', [high.id])
  const { own } = await applyChunkAndWaiting(ledger.db, first(normal), together)
  await ledger.admin.query('rollback')
  expect(own).toBe('settled')
})

test('only chunks of one priority and one queue are applied together', async () => {
  const tenantId = await ledger.newTenant()
  const own = await submitLines(tenantId, 10)
  const others = [
    await submitLines(tenantId, 5, { priority: 'low' }),
    await submitLines(tenantId, 5, { express: true }),
    await submitLines(tenantId, 5, { notBefore: inAnHour() }),
  ]
  const { chunks } = await applyChunkAndWaiting(ledger.db, first(own), together)
  expect(chunks).toBe(2)
  for (const other of others.slice(0, 2)) {
    expect((await applyChunk(ledger.db, first(other))).own).toBe('settled')
  }
})

test('a scheduled chunk is not applied before its time, however it is asked for', async () => {
  const tenantId = await ledger.newTenant()
  const scheduled = await submitLines(tenantId, 5, { notBefore: inAnHour() })
  expect((await applyChunk(ledger.db, first(scheduled))).own).toBe('not-due')
  expect((await applyChunkAndWaiting(ledger.db, first(scheduled), together)).own).toBe('not-due')
  await ledger.admin.query(
    "update chunks set not_before = now() - interval '1 s' where batch_id = $1",
    [scheduled.id],
  )
  expect((await applyChunk(ledger.db, first(scheduled))).own).toBe('settled')
})

test('what is scheduled is unsettled and pending, but nobody is late with it', async () => {
  const tenantId = await ledger.newTenant()
  const before = await backlogOfApply()
  const notBefore = inAnHour()
  const { id } = await submitLines(tenantId, 5, { notBefore })
  await ledger.admin.query(
    "update chunks set created_at = now() - interval '9 days' where batch_id = $1",
    [id],
  )
  const backlog = await backlogOfApply()
  expect(backlog.pendingLines).toBe(before.pendingLines + 5)
  expect(backlog.oldestPendingSeconds).toBeLessThan(86_400)
  const listed = await listUnsettledChunks(ledger.db, { olderThanMs: 0, limit: 1_000 })
  expect(listed.find(({ batchId }) => batchId === id)?.notBefore).toEqual(notBefore)
})

test('the backlog of a tenant is counted by priority and queue, without what is not due', async () => {
  const tenantId = await ledger.newTenant()
  await submitLines(tenantId, 7)
  await submitLines(tenantId, 3, { priority: 'high' })
  await submitLines(tenantId, 2, { priority: 'low' })
  await submitLines(tenantId, 4, { express: true })
  await submitLines(tenantId, 50, { notBefore: inAnHour() })
  const { id } = await submitLines(tenantId, 100)
  const count = (queue: 'apply' | 'express') =>
    countTenantBacklog(ledger.db, { tenantId, queue, besides: id })
  expect(await count('apply')).toEqual({ weight: 1, low: 2, normal: 7, high: 3 })
  expect(await count('express')).toEqual({ weight: 1, low: 0, normal: 4, high: 0 })
})

test('the lines ahead of a chunk are those of its tenant with a higher priority, and older ones', async () => {
  const tenantId = await ledger.newTenant()
  await submitLines(await ledger.newTenant(), 100)
  const low = await submitLines(tenantId, 1, { priority: 'low' })
  const normal = await submitLines(tenantId, 12)
  const high = await submitLines(tenantId, 3, { priority: 'high' })
  const ahead = await countLinesAhead(ledger.db, [...low.chunks, ...normal.chunks, ...high.chunks])
  const linesAhead = ({ batchId, chunk }: ChunkRef) =>
    ahead.find((it) => it.batchId === batchId && it.chunk === chunk)?.linesAhead
  expect(linesAhead(first(high))).toBe(0)
  expect(normal.chunks.map(linesAhead)).toEqual([3, 8, 13])
  expect(linesAhead(first(low))).toBe(15)
})

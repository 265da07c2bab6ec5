import type { QueueKind } from '@inventoryrpa/contracts'
import {
  type AcceptedChunk,
  applyChunk,
  countSettledLines,
  estimateDrainSeconds,
  longestDrainSeconds,
  markChunkDead,
  measureBacklog,
} from '@inventoryrpa/ledger'
import { sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import { adjustment } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const nothing = { pendingLines: 0, dueLines: 0, oldestPendingSeconds: 0, drainSeconds: 0 }

beforeEach(() => ledger.admin.query("update chunks set settled_at = 'epoch'"))

const submitChunks = async (chunks: number) => {
  const lines = Array.from({ length: chunks }, (_, index) => adjustment(`S${index}`, 1))
  return submit(ledger.db, await ledger.newTenant(), lines, { maxChunkLines: 1 })
}
const change = (set: string, { batchId, chunk }: AcceptedChunk) =>
  ledger.admin.query(`update chunks set ${set} where batch_id = $1 and chunk = $2`, [
    batchId,
    chunk,
  ])
const backlogOf = async (queue: QueueKind) =>
  (await measureBacklog(ledger.db)).find((backlog) => backlog.queue === queue)

test('the backlog is what is neither settled nor dead, and the age of its oldest', async () => {
  expect(await measureBacklog(ledger.db)).toEqual([
    { queue: 'apply', ...nothing },
    { queue: 'express', ...nothing },
    { queue: 'plan', ...nothing },
    { queue: 'sync', ...nothing },
  ])
  const { chunks } = await submitChunks(3)
  const [old, dead, settled] = chunks as [AcceptedChunk, AcceptedChunk, AcceptedChunk]
  await change("created_at = now() - interval '1 hour'", old)
  const backlog = await backlogOf('apply')
  expect(backlog?.pendingLines).toBe(3)
  expect(backlog?.oldestPendingSeconds).toBeGreaterThanOrEqual(3_600)
  expect(backlog?.oldestPendingSeconds).toBeLessThan(3_720)
  await markChunkDead(ledger.db, dead, { code: 'poison', message: 'it threw' })
  await applyChunk(ledger.db, settled)
  expect((await backlogOf('apply'))?.pendingLines).toBe(1)
  await applyChunk(ledger.db, old)
  expect(await backlogOf('apply')).toEqual({ queue: 'apply', ...nothing })
})

test('what is scheduled for later is pending, not due', async () => {
  const { chunks } = await submitChunks(3)
  await change("not_before = now() + interval '1 hour'", chunks[0] as AcceptedChunk)
  expect(await backlogOf('apply')).toMatchObject({ pendingLines: 3, dueLines: 2 })
})

test('each queue has a backlog of its own', async () => {
  const { chunks } = await submitChunks(3)
  await change("queue = 'sync'", chunks[0] as AcceptedChunk)
  expect(await backlogOf('apply')).toMatchObject({ pendingLines: 2 })
  expect(await backlogOf('sync')).toMatchObject({ pendingLines: 1 })
})

test('the drain time is what waits by the rate of late; nothing moving is the longest there is', async () => {
  const { chunks } = await submitChunks(10)
  expect(await estimateDrainSeconds(ledger.db)).toBe(longestDrainSeconds)
  for (const chunk of chunks.slice(0, 5)) await applyChunk(ledger.db, chunk)
  // Five lines in the last ten seconds, and five that wait.
  expect((await backlogOf('apply'))?.drainSeconds).toBe(10)
  for (const chunk of chunks.slice(0, 5)) {
    await change("settled_at = now() - interval '30 seconds'", chunk)
  }
  expect((await backlogOf('apply'))?.drainSeconds).toBe(60)
  for (const chunk of chunks.slice(0, 5)) await change('split_at = now()', chunk)
  expect((await backlogOf('apply'))?.drainSeconds).toBe(longestDrainSeconds)
  for (const chunk of chunks.slice(5)) await applyChunk(ledger.db, chunk)
  expect(await estimateDrainSeconds(ledger.db)).toBe(0)
})

test('a count tells what was settled since the last one, of its queue', async () => {
  const { chunks } = await submitChunks(4)
  await applyChunk(ledger.db, chunks[0] as AcceptedChunk)
  const first = await countSettledLines(ledger.db, 'apply')
  expect(first).toMatchObject({ lines: 1, linesSinceLast: 0 })
  for (const chunk of chunks.slice(1)) await applyChunk(ledger.db, chunk)
  const second = await countSettledLines(ledger.db, 'apply', first)
  expect(second.linesSinceLast).toBe(3)
  expect((await countSettledLines(ledger.db, 'apply', second)).linesSinceLast).toBe(0)
  expect((await countSettledLines(ledger.db, 'sync', { ...first, lines: 0 })).linesSinceLast).toBe(
    0,
  )
})

test('among many chunks only those are read that wait or were settled lately', async () => {
  const batchId = (await submitChunks(1)).id
  await ledger.admin.query(
    `insert into chunks (batch_id, chunk, line_count, lines, settled_at)
     select $1, n, 1000, '', case when n > 1000 then now() - n * interval '1 second' end
     from generate_series(1, 50000) n`,
    [batchId],
  )
  await ledger.admin.query('analyze chunks')
  const { rows } = await ledger.db.transaction().execute(async (trx) => {
    await measureBacklog(trx)
    return sql<{ seq_scan: number; blocks: number }>`
      select seq_scan, pg_stat_get_xact_blocks_fetched(relid) as blocks
      from pg_stat_xact_user_tables where relname = 'chunks'
    `.execute(trx)
  })
  const [{ seq_scan, blocks } = { seq_scan: 1, blocks: 1_000 }] = rows
  expect(seq_scan).toBe(0)
  // The table has over 600.
  expect(blocks).toBeLessThan(300)
})

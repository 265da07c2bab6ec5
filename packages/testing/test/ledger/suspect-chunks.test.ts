import {
  applyChunkAndWaiting,
  type ChunkRef,
  listUnsettledChunks,
  suspectChunks,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const maxLines = 1_000

const submitChunks = async (chunks: number) => {
  const lines = Array.from({ length: chunks }, (_, index) => adjustment(`S${index}`, 1))
  const tenantId = await ledger.newTenant()
  const batch = await submit(ledger.db, tenantId, lines, { maxChunkLines: 1 })
  return batch.chunks as ChunkRef[] as [ChunkRef, ChunkRef, ...ChunkRef[]]
}
const applyFrom = (ref: ChunkRef) => applyChunkAndWaiting(ledger.db, ref, { maxLines })

test('what a worker may have had together when it ended is applied alone from then on', async () => {
  const [first, second] = await submitChunks(3)
  expect(await suspectChunks(ledger.db, second, maxLines)).toBe(2)
  // Each in a process of its own would take a second, and after a crash most are innocent.
  const unsettled = await listUnsettledChunks(ledger.db, { olderThanMs: 0, limit: 1_000 })
  expect(unsettled.filter((it) => it.suspect)).toEqual([])
  expect(await applyFrom(first)).toMatchObject({ own: 'settled', chunks: 1 })
  expect(await applyFrom(second)).toMatchObject({ own: 'settled', chunks: 1 })
})

test('it may have begun behind a chunk that was settled', async () => {
  const [settled, ...others] = await submitChunks(3)
  await applyChunkAndWaiting(ledger.db, settled, { maxLines: 1 })
  expect(await suspectChunks(ledger.db, settled, maxLines)).toBe(others.length)
})

test('what another has in hand now is left alone, with all that waits behind it', async () => {
  const [first, second] = await submitChunks(2)
  await ledger.db.transaction().execute(async (trx) => {
    await trx
      .selectFrom('chunks')
      .select('chunk')
      .where('batch_id', '=', first.batchId)
      .where('chunk', '=', first.chunk)
      .forUpdate()
      .execute()
    expect(await suspectChunks(ledger.db, first, maxLines)).toBe(0)
  })
  expect(await applyFrom(first)).toMatchObject({ chunks: 2 })
  expect(await applyFrom(second)).toMatchObject({ own: 'already-settled' })
})

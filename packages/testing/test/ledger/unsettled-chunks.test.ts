import {
  type AcceptedChunk,
  applyChunk,
  listUnsettledChunks,
  markChunkDead,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const submitChunks = async (chunks: number) => {
  const lines = Array.from({ length: chunks }, (_, index) => adjustment(`S${index}`, 1))
  return submit(ledger.db, await ledger.newTenant(), lines, { maxChunkLines: 1 })
}
const unsettled = async (limit: number, olderThanMs = 0) => {
  const pages: AcceptedChunk[][] = []
  let after: AcceptedChunk | undefined
  do {
    const chunks = await listUnsettledChunks(ledger.db, { olderThanMs, limit, after })
    pages.push(chunks.map(({ notBefore: _, ...chunk }) => chunk))
    after = pages.at(-1)?.at(-1)
  } while (after && pages.length < 100)
  return pages.flat()
}
const settleAll = async () => {
  for (const chunk of await unsettled(100)) await applyChunk(ledger.db, chunk)
}
const makeOlder = ({ batchId, chunk }: AcceptedChunk, seconds: number) =>
  ledger.admin.query(
    'update chunks set created_at = created_at - make_interval(secs => $3) where batch_id = $1 and chunk = $2',
    [batchId, chunk, seconds],
  )

test('chunks that are neither settled nor dead are listed once each, page by page, in order', async () => {
  await settleAll()
  const batches = [await submitChunks(5), await submitChunks(3)]
  const chunks = batches.flatMap((batch) => batch.chunks)
  for (const limit of [1, 2, 3, 8, 100]) expect(await unsettled(limit)).toEqual(chunks)
  const [first, second, ...others] = chunks as [AcceptedChunk, AcceptedChunk, ...AcceptedChunk[]]
  await applyChunk(ledger.db, first)
  await markChunkDead(ledger.db, second, { code: 'poison', message: 'it threw' })
  expect(await unsettled(2)).toEqual(others)
})

test('the youngest are left to whoever is enqueuing them', async () => {
  await settleAll()
  const { chunks } = await submitChunks(3)
  const [, old] = chunks as [AcceptedChunk, AcceptedChunk]
  expect(await unsettled(10, 60_000)).toEqual([])
  await makeOlder(old, 61)
  expect(await unsettled(10, 60_000)).toEqual([old])
})

import { cancelChunks, listReport, markChunkDead, requestCancel } from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment, atHour, count } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const all = { after: 0, limit: 100 }

const lines = [
  adjustment('A', '2.50', { reason: 'sale', unitValue: '9.990', expectedOnHand: 0 }),
  count('B', 7, atHour(3), { reference: '536365' }),
]

test('lines that are dead carry all that they were sent with', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(ledger.db, tenantId, lines)
  for (const chunk of chunks) {
    await markChunkDead(ledger.db, chunk, { code: 'poison', message: 'it threw' })
  }
  expect(await listReport(ledger.db, id, all)).toEqual(
    lines.map((given, index) => ({
      ...{ line: index + 1, outcome: 'dead', code: 'poison', detail: 'it threw' },
      ...{ given, onHandAfter: null },
    })),
  )
})

test('so do lines that were cancelled', async () => {
  const tenantId = await ledger.newTenant()
  const { id } = await submit(ledger.db, tenantId, lines)
  await requestCancel(ledger.db, { tenantId, batchId: id })
  await cancelChunks(ledger.db, id)
  const report = await listReport(ledger.db, id, { ...all, outcome: 'cancelled' })
  expect(report.map((line) => line.given)).toEqual(lines)
})

test('a report goes on after any line', async () => {
  const tenantId = await ledger.newTenant()
  const { id } = await submit(ledger.db, tenantId, lines)
  await requestCancel(ledger.db, { tenantId, batchId: id })
  await cancelChunks(ledger.db, id)
  const page = await listReport(ledger.db, id, { after: 1, limit: 1 })
  expect(page.map(({ line }) => line)).toEqual([2])
  expect(await listReport(ledger.db, id, { after: 2, limit: 1 })).toEqual([])
})

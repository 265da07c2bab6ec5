import { applyChunk, findBatch } from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment, transfer } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { submit, submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()

test.for([
  'update movements set quantity = 0 where batch_id = $1',
  'delete from movements where batch_id = $1',
  'truncate movements',
])('movements are append-only: %s', async (statement) => {
  const tenantId = await ledger.newTenant()
  const id = await submitAndApply(ledger.db, tenantId, [transfer('A', 2)])
  const values = statement.includes('$1') ? [id] : []
  await expect(ledger.admin.query(statement, values)).rejects.toThrow('append-only')
  const { rows } = await ledger.admin.query(
    'select quantity from movements where batch_id = $1 order by leg',
    [id],
  )
  expect(rows).toEqual([{ quantity: '-2.000' }, { quantity: '2.000' }])
})

test('a second movement for the same line is refused, whoever forgot that it was applied', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(ledger.db, tenantId, [adjustment('A', 2), adjustment('B', 1)])
  const [chunk] = chunks
  if (!chunk) throw new Error('no chunk')
  await applyChunk(ledger.db, chunk)
  const batch = await findBatch(ledger.db, tenantId, id)
  await ledger.admin.query('update chunks set settled_at = null where batch_id = $1', [id])
  await expect(applyChunk(ledger.db, chunk)).rejects.toThrow('movements_pkey')
  expect(await onHandOf(ledger, tenantId)).toEqual({ 'A/Leeds': '2', 'B/Leeds': '1' })
  expect(await findBatch(ledger.db, tenantId, id)).toEqual(batch)
})

import { withLeadership } from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { useLedger } from './test-ledger.ts'

const ledger = useLedger()

test('while one leads no other does, and afterwards another may', async () => {
  const order: string[] = []
  const led = await withLeadership(ledger.db, async () => {
    order.push('first')
    const second = await withLeadership(ledger.db, async () => void order.push('second'))
    expect(second).toBe(false)
  })
  expect(led).toBe(true)
  expect(await withLeadership(ledger.db, async () => void order.push('third'))).toBe(true)
  expect(order).toEqual(['first', 'third'])
})

test('a task that throws gives the leadership back', async () => {
  const task = () => Promise.reject(new Error('the task failed'))
  await expect(withLeadership(ledger.db, task)).rejects.toThrow('the task failed')
  expect(await withLeadership(ledger.db, async () => undefined)).toBe(true)
})

import { listMovements } from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment, atHour, count } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()

/** Applies each list of lines as a batch of its own, one after the other. */
const applyBatches = async (...batches: Parameters<typeof submitAndApply>[2][]) => {
  const tenantId = await ledger.newTenant()
  for (const lines of batches) await submitAndApply(ledger.db, tenantId, lines)
  return { tenantId, onHand: (await onHandOf(ledger, tenantId))['A/Leeds'] }
}
const moved = (quantity: number, hour: number) =>
  adjustment('A', quantity, { observedAt: atHour(hour) })

test('a late count keeps what earlier batches moved after it', async () => {
  const { onHand } = await applyBatches(
    [moved(10, 1)],
    [moved(-3, 5), moved(-1, 7)],
    [count('A', 8, atHour(3))],
  )
  expect(onHand).toBe('4')
})

test('a late count keeps what its own batch and what earlier batches moved after it', async () => {
  const { onHand } = await applyBatches(
    [moved(10, 1), moved(-3, 5)],
    [moved(-2, 4), count('A', 8, atHour(3))],
  )
  expect(onHand).toBe('3')
})

test('a movement at the very moment of the count is part of it', async () => {
  const { onHand } = await applyBatches([moved(10, 3)], [count('A', 8, atHour(3))])
  expect(onHand).toBe('8')
})

test('a movement that does not say when it happened happened when its batch was accepted', async () => {
  const { onHand } = await applyBatches([adjustment('A', 10)], [count('A', 8, atHour(3))])
  expect(onHand).toBe('18')
})

test('a count older than the last one is rejected, one of the same moment accepted', async () => {
  const { tenantId, onHand } = await applyBatches(
    [count('A', 8, atHour(3))],
    [count('A', 5, atHour(2))],
    [count('A', 6, atHour(3))],
  )
  expect(onHand).toBe('6')
  const { items } = await listMovements(ledger.db, tenantId, { sku: 'A', limit: 10 })
  expect(items.map((movement) => movement.quantity)).toEqual(['-2', '8'])
})

test('a count older than the last one is stale whatever was moved in between', async () => {
  const { onHand } = await applyBatches(
    [count('A', 8, atHour(3))],
    [moved(1, 5)],
    [count('A', 5, atHour(2))],
  )
  expect(onHand).toBe('9')
})

test('a count at one location looks back over that location only', async () => {
  const { onHand } = await applyBatches(
    [moved(10, 5), adjustment('A', 7, { location: 'Paris', observedAt: atHour(5) })],
    [count('A', 8, atHour(3))],
  )
  expect(onHand).toBe('18')
})

test("another tenant's movements are none of a count's business", async () => {
  await applyBatches([moved(100, 5)])
  const { onHand } = await applyBatches([moved(10, 5)], [count('A', 8, atHour(3))])
  expect(onHand).toBe('18')
})

test.for(['1970-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z', '0002-01-01T00:00:00+23:59'])(
  'a count of %s is applied, again and again',
  async (countedAt) => {
    const { onHand } = await applyBatches(
      [count('A', 8, countedAt)],
      [count('A', 5, countedAt)],
      [moved(1, 1)],
    )
    expect(onHand).toBe('6')
  },
)

test('a count of the first moment of the epoch makes older ones stale', async () => {
  const { onHand } = await applyBatches(
    [count('A', 8, '1970-01-01T00:00:00Z')],
    [count('A', 5, '1969-12-31T23:59:59Z')],
  )
  expect(onHand).toBe('8')
})

test('moments are kept to the millisecond, whatever zone and precision they come in', async () => {
  const { onHand } = await applyBatches(
    [moved(1, 1)],
    [adjustment('A', 2, { observedAt: '2020-05-05T05:00:00.001999+02:00' })],
    [count('A', 10, '2020-05-05T03:00:00.0015Z')],
  )
  expect(onHand).toBe('10')
})

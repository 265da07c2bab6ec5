import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { line } from '@inventoryrpa/contracts'
import { expect, test } from 'vitest'
import { readOnlineRetailDay, sumByKey } from '../src/index.ts'

const path = fileURLToPath(
  new URL('../../../examples/online-retail/2010-12-01.csv', import.meta.url),
)

test('a sale leaves the stock of its country, a return comes back to it', async () => {
  const lines = await readOnlineRetailDay(path)
  expect(lines[0]).toEqual({
    type: 'adjustment',
    sku: '85123A',
    location: 'United Kingdom',
    quantity: -6,
    reason: 'sale',
    reference: '536365',
    observedAt: '2010-12-01T08:26:00.000Z',
  })
  const returns = lines.filter(({ reason }) => reason === 'return')
  expect(returns.length).toBeGreaterThan(0)
  expect(returns.every(({ quantity }) => quantity > 0)).toBe(true)
})

test('every row of the day is a line that the API accepts', async () => {
  const lines = await readOnlineRetailDay(path)
  const rows = (await readFile(path, 'utf8')).trimEnd().split('\n').length - 1
  expect(lines).toHaveLength(rows)
  for (const read of lines) expect(line.safeParse(read).error).toBeUndefined()
})

test('sums are kept apart by SKU and location', () => {
  const sums = sumByKey([
    { sku: 'a', location: 'x', quantity: -2 },
    { sku: 'a', location: 'x', quantity: 5 },
    { sku: 'a', location: 'y', quantity: 1 },
    { sku: 'A', location: 'x', quantity: 7 },
  ])
  expect(Object.fromEntries(sums)).toEqual({ 'a\tx': 3, 'a\ty': 1, 'A\tx': 7 })
})

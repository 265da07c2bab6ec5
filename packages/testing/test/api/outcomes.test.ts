import { getBatch, untilCompleted } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

// Small chunks, one at a time: a batch is seen on its way.
const system = useSystem({ env: { CHUNK_LINES: '50', WORKER_CONCURRENCY: '1' } })

type LinePage = { items: { line: number; outcome: string }[]; nextCursor: string | null }
type LevelPage = { items: { location: string; onHand: string; version: number }[] }
type MovementPage = { items: { location: string; quantity: string; onHandAfter: string }[] }

const here = 'Lager Süd'

const submit = async (lines: object[], negativeStock?: 'allow' | 'reject'): Promise<string> => {
  const answer = await system.post({ ...(negativeStock && { negativeStock }), lines })
  expect(answer.status).toBe(202)
  return ((await answer.json()) as { id: string }).id
}

/** Submits one batch, waits for its end and gives the outcome of each line. */
const settle = async (lines: object[], negativeStock?: 'allow' | 'reject') => {
  const id = await submit(lines, negativeStock)
  await untilCompleted(system, id)
  const answer = await system.call(`/v1/batches/${id}/lines?limit=1000`)
  return (await readJson<LinePage>(answer)).items
}

const adjust = (sku: string, quantity: number | string, more: object = {}) => ({
  type: 'adjustment',
  sku,
  location: here,
  quantity,
  ...more,
})

const count = (sku: string, quantity: number | string, countedAt: string) => ({
  type: 'count',
  sku,
  location: here,
  quantity,
  countedAt,
})

const levelsOf = async (sku: string): Promise<Record<string, string>> => {
  const { items } = await readJson<LevelPage>(await system.call(`/v1/stock?sku=${sku}`))
  return Object.fromEntries(items.map(({ location, onHand }) => [location, onHand]))
}

test('a body behind a byte order mark is a batch like any other', async () => {
  const answer = await system.post(`\ufeff${JSON.stringify({ lines: [adjust('mark', 7)] })}`)
  expect(answer.status).toBe(202)
  await untilCompleted(system, (await readJson<{ id: string }>(answer)).id)
  expect(await levelsOf('mark')).toEqual({ [here]: '7' })
})

test('an adjustment adds its signed quantity, exactly', async () => {
  const outcomes = await settle([adjust('a', '0.1'), adjust('a', 0.2), adjust('a', '-0.05')])
  expect(outcomes.map((line) => line.outcome)).toEqual(Array(3).fill('applied'))
  expect(outcomes[2]).toMatchObject({
    line: 3,
    code: null,
    detail: null,
    type: 'adjustment',
    movements: [{ location: here, quantity: '-0.05', onHandAfter: '0.25' }],
  })
  expect(await levelsOf('a')).toEqual({ [here]: '0.25' })
})

test('an adjustment below zero is rejected unless its batch allows it', async () => {
  await settle([adjust('b', 5)])
  expect(await settle([adjust('b', -6)])).toMatchObject([
    {
      outcome: 'rejected',
      code: 'insufficient_stock',
      detail: 'on-hand is 5, 6 asked for',
      movements: [],
    },
  ])
  expect(await levelsOf('b')).toEqual({ [here]: '5' })
  expect(await settle([adjust('b', -6)], 'allow')).toMatchObject([{ outcome: 'applied' }])
  expect(await levelsOf('b')).toEqual({ [here]: '-1' })
})

test('expectedOnHand applies a line only to the level its sender saw', async () => {
  await settle([adjust('c', 10)])
  const [seen, missed] = await settle([
    adjust('c', 1, { expectedOnHand: 10 }),
    adjust('c', 1, { expectedOnHand: '10' }),
  ])
  expect(seen).toMatchObject({ outcome: 'applied' })
  expect(missed).toMatchObject({
    outcome: 'rejected',
    code: 'expected_on_hand_mismatch',
    detail: 'on-hand is 11, 10 expected',
  })
  expect(await levelsOf('c')).toEqual({ [here]: '11' })
})

test('a late count keeps the movements that came after it', async () => {
  await settle([
    adjust('d', 100, { observedAt: '2020-01-01T00:00:00Z' }),
    adjust('d', -10, { observedAt: '2020-01-03T00:00:00Z' }),
  ])
  expect(await settle([count('d', 97, '2020-01-02T00:00:00Z')])).toMatchObject([
    { outcome: 'applied', movements: [{ quantity: '-3', onHandAfter: '87' }] },
  ])
  expect(await levelsOf('d')).toEqual({ [here]: '87' })
})

test('a count older than the last one is rejected', async () => {
  await settle([count('e', 5, '2020-01-02T00:00:00Z')])
  expect(await settle([count('e', 9, '2020-01-01T00:00:00+01:00')])).toMatchObject([
    { outcome: 'rejected', code: 'stale_count', detail: expect.stringContaining('2020-01-02') },
  ])
  expect(await levelsOf('e')).toEqual({ [here]: '5' })
})

test('a transfer is two movements, or none', async () => {
  const transfer = { type: 'transfer', sku: 'f', location: here, toLocation: 'there', quantity: 4 }
  const [, moved, short] = await settle([adjust('f', 6), transfer, transfer])
  expect(moved).toMatchObject({
    outcome: 'applied',
    movements: [
      { location: here, quantity: '-4', onHandAfter: '2' },
      { location: 'there', quantity: '4', onHandAfter: '4' },
    ],
  })
  expect(short).toMatchObject({ outcome: 'rejected', code: 'insufficient_stock', movements: [] })
  expect(await levelsOf('f')).toEqual({ [here]: '2', there: '4' })
})

test('a level that would outgrow the ledger is rejected', async () => {
  const most = '999999999999.999'
  const lines = Array.from({ length: 1_100 }, () => adjust('g', most))
  const outcomes = await settle(lines.slice(0, 1_000))
  expect(outcomes).toHaveLength(1_000)
  const last = (await settle(lines.slice(1_000))).at(-1)
  expect(last).toMatchObject({
    outcome: 'rejected',
    code: 'on_hand_out_of_range',
    detail: expect.stringContaining('on-hand would be'),
  })
})

test('a bad line never fails its neighbours', async () => {
  const lines = Array.from({ length: 120 }, (_, index) => [
    adjust(`h-${index}`, 1),
    adjust(`h-${index}`, -5),
    adjust(`h-${index}`, 1),
  ]).flat()
  const id = await submit(lines)
  await untilCompleted(system, id)
  expect((await getBatch(system, id)).counts).toMatchObject({
    total: 360,
    applied: 240,
    rejected: 120,
    pending: 0,
  })

  const numbers: number[] = []
  let cursor: string | null = null
  do {
    const query: string = `outcome=rejected&limit=50${cursor ? `&cursor=${cursor}` : ''}`
    const answer = await system.call(`/v1/batches/${id}/lines?${query}`)
    const page: LinePage = await readJson<LinePage>(answer)
    for (const line of page.items) {
      expect(line).toMatchObject({ outcome: 'rejected', code: 'insufficient_stock' })
      numbers.push(line.line)
    }
    cursor = page.nextCursor
  } while (cursor)
  expect(numbers).toEqual(Array.from({ length: 120 }, (_, index) => index * 3 + 2))
})

test('the counts of a batch add up at every moment of its life', async () => {
  // More than one transaction takes, so that it is seen in the middle.
  const lines = Array.from({ length: 9_999 }, (_, index) =>
    adjust(`i-${index}`, index % 3 ? 1 : -1),
  )
  const id = await submit(lines)
  const seen = new Set<number>()
  const states: string[] = []
  for (;;) {
    const { state, counts } = await getBatch(system, id)
    const { total, ...rest } = counts
    expect(Object.values(rest).reduce((sum, lines) => sum + lines, 0)).toBe(total)
    expect(total).toBe(9_999)
    seen.add(counts.pending)
    if (states.at(-1) !== state) states.push(state)
    if (state === 'completed') break
  }
  expect(seen.size).toBeGreaterThan(2)
  expect(states.filter((state) => state !== 'accepted')).toEqual(['processing', 'completed'])
  expect((await getBatch(system, id)).counts).toMatchObject({ applied: 6_666, rejected: 3_333 })
}, 60_000)

test('the movements of a SKU add up to its levels', async () => {
  const transfer = { type: 'transfer', sku: 'j', location: here, toLocation: 'there', quantity: 3 }
  await settle([adjust('j', '10.5', { reason: 'purchase', reference: 'PO 1' }), transfer])
  await settle([adjust('j', -2), count('j', 5, new Date().toISOString()), transfer])
  const { items } = await readJson<MovementPage>(await system.call('/v1/stock/j/movements'))
  const sums: Record<string, number> = {}
  for (const { location, quantity, onHandAfter } of items) {
    expect(quantity).toMatch(/^-?\d+(\.\d{1,3})?$/)
    expect(onHandAfter).toMatch(/^-?\d+(\.\d{1,3})?$/)
    sums[location] = (sums[location] ?? 0) + Number(quantity)
  }
  const levels = await readJson<LevelPage>(await system.call('/v1/stock?sku=j'))
  expect(levels.items).toHaveLength(2)
  for (const { location, onHand, version } of levels.items) {
    expect(typeof onHand).toBe('string')
    expect(Number(onHand)).toBe(sums[location])
    const own = items.filter((movement) => movement.location === location)
    expect(version).toBe(own.length)
  }
  expect(items.at(-1)).toMatchObject({
    type: 'adjustment',
    reason: 'purchase',
    reference: 'PO 1',
    quantity: '10.5',
    onHandAfter: '10.5',
    version: 1,
  })
})

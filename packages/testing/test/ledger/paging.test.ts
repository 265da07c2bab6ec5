import {
  acceptBatch,
  applyChunk,
  InvalidCursorError,
  listBatches,
  listLineOutcomes,
  listMovements,
  listStock,
  type Page,
  type PageRequest,
} from '@inventoryrpa/ledger'
import { beforeAll, describe, expect, test } from 'vitest'
import { adjustment, atHour, transfer } from './lines.ts'
import { cursorOf, foreignCursors, readAll } from './read-all.ts'
import { submit, submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const skus = ['a', 'B', 'Z', 'z', 'ä', '東', '📦', 'B 2', 'B-2']
let tenantId: number
let id: string

beforeAll(async () => {
  tenantId = await ledger.newTenant()
  const lines = [
    ...skus.map((sku) => adjustment(sku, 9, { observedAt: atHour(1) })),
    ...[1, 2, 1, 3].map((hour) => transfer('B', 1, { observedAt: atHour(hour) })),
    adjustment('B', 1, { observedAt: atHour(2), expectedOnHand: 99 }),
    adjustment('Z', -100),
  ]
  const options = { maxChunkLines: 3, negativeStock: 'reject' as const }
  id = await submitAndApply(ledger.db, tenantId, lines, options)
  for (let times = 0; times < 4; times += 1) {
    const { chunks } = await submit(ledger.db, tenantId, lines, options)
    if (times % 2 === 0 && chunks[0]) await applyChunk(ledger.db, chunks[0])
  }
})

type List = {
  list: string
  length: number
  read: (page: PageRequest, tenant?: number) => Promise<Page<unknown>>
  /** What orders the list, smallest first. */
  place: (item: never) => string
  /** Of the right form, and still no answer of this list. */
  foreign: string[]
}
const lists: List[] = [
  {
    list: 'stock',
    length: 10,
    read: (page, tenant = tenantId) => listStock(ledger.db, tenant, page),
    place: ({ sku, location }: { sku: string; location: string }) => bytes(sku, location),
    foreign: [cursorOf('a'), cursorOf('a', 1)],
  },
  {
    list: 'movements',
    length: 9,
    read: (page, tenant = tenantId) => listMovements(ledger.db, tenant, { ...page, sku: 'B' }),
    place: (m: { occurredAt: string; location: string; version: number }) =>
      descending(bytes(m.occurredAt, m.location, String(m.version).padStart(9, '0'))),
    foreign: [
      cursorOf('2020-05-05T00:00:00Z', 'Leeds', 1),
      cursorOf('0000-01-01T00:00:00.000Z', 'Leeds', 1),
      cursorOf('+275760-09-13T00:00:00.000Z', 'Leeds', 1),
    ],
  },
  {
    list: 'line outcomes',
    length: 15,
    read: (page) => listLineOutcomes(ledger.db, id, page),
    place: ({ line }: { line: number }) => String(line).padStart(9, '0'),
    foreign: [cursorOf('1'), cursorOf(1, 2)],
  },
  {
    list: 'batches',
    length: 5,
    read: (page, tenant = tenantId) => listBatches(ledger.db, tenant, page),
    place: ({ id }: { id: string }) => descending(bytes(id)),
    foreign: [cursorOf('01994FCB-1F2C-7C3D-8A5E-000000000001'), cursorOf('0')],
  },
]
const bytes = (...parts: string[]) => Buffer.from(parts.join('\u0000')).toString('hex')
const descending = (hex: string) =>
  [...hex].map((digit) => (15 - Number.parseInt(digit, 16)).toString(16)).join('')

describe.for(lists)('$list', ({ read, place, length, foreign }) => {
  test('are read whole and in order, each item once, whatever the size of a page', async () => {
    const whole = await read({ limit: 1_000 })
    expect(whole.nextCursor).toBeNull()
    expect(whole.items.length).toBeGreaterThanOrEqual(length)
    const places = whole.items.map((item) => place(item as never))
    expect(places).toEqual([...new Set(places)].sort())
    for (const limit of [1, 2, 3, whole.items.length - 1, whole.items.length]) {
      const { items, sizes } = await readAll((cursor) => read({ limit, cursor }))
      expect(items).toEqual(whole.items)
      expect(sizes.slice(0, -1).every((size) => size === limit)).toBe(true)
    }
  })

  test('refuse a cursor that they did not answer', async () => {
    for (const cursor of [...foreignCursors, ...foreign]) {
      const error = await read({ limit: 10, cursor }).catch((refusal) => refusal)
      expect(error, cursor).toBeInstanceOf(InvalidCursorError)
    }
  })
})

test.for(lists.filter(({ list }) => list !== 'line outcomes'))(
  "$list of another tenant are not seen, not even with a cursor of that tenant's",
  async ({ read }) => {
    const stranger = await ledger.newTenant()
    const { nextCursor } = await read({ limit: 1 })
    for (const cursor of [undefined, nextCursor ?? undefined]) {
      expect(await read({ limit: 10, cursor }, stranger)).toEqual({ items: [], nextCursor: null })
    }
  },
)

test('a line number beyond any batch is the end of its outcomes, not an error', async () => {
  const cursor = cursorOf(Number.MAX_SAFE_INTEGER)
  const page = await listLineOutcomes(ledger.db, id, { limit: 10, cursor })
  expect(page).toEqual({ items: [], nextCursor: null })
})

test('stock is found by SKU, by location and by both, exactly as written', async () => {
  const found = async (filter: { sku?: string; location?: string }) => {
    const { items } = await readAll((cursor) =>
      listStock(ledger.db, tenantId, { ...filter, limit: 2, cursor }),
    )
    return items.map(({ sku, location }) => `${sku}/${location}`)
  }
  expect(await found({ sku: 'B' })).toEqual(['B/Leeds', 'B/Paris'])
  expect(await found({ location: 'Paris' })).toEqual(['B/Paris'])
  expect(await found({ sku: 'B', location: 'Leeds' })).toEqual(['B/Leeds'])
  expect(await found({ sku: 'b' })).toEqual([])
})

test('movements are found by location', async () => {
  const filter = { sku: 'B', location: 'Paris', limit: 3 }
  const { items } = await readAll((cursor) =>
    listMovements(ledger.db, tenantId, { ...filter, cursor }),
  )
  expect(items.length).toBeGreaterThanOrEqual(4)
  expect(new Set(items.map((movement) => movement.location))).toEqual(new Set(['Paris']))
})

test('outcomes are found by how a line ended, with both movements of a transfer', async () => {
  const ended = async (outcome: 'applied' | 'rejected' | 'dead') => {
    const { items } = await readAll((cursor) =>
      listLineOutcomes(ledger.db, id, { outcome, limit: 2, cursor }),
    )
    return items
  }
  expect((await ended('applied')).map((item) => item.line)).toEqual(
    Array.from({ length: 13 }, (_, index) => index + 1),
  )
  expect(await ended('rejected')).toMatchObject([
    { line: 14, code: 'expected_on_hand_mismatch', movements: [] },
    { line: 15, code: 'insufficient_stock', movements: [] },
  ])
  expect(await ended('dead')).toEqual([])
  expect((await ended('applied')).find((item) => item.line === 10)).toMatchObject({
    type: 'transfer',
    location: 'Leeds',
    movements: [
      { location: 'Leeds', quantity: '-1', onHandAfter: '8' },
      { location: 'Paris', quantity: '1', onHandAfter: '1' },
    ],
  })
})

test('batches are found by their state', async () => {
  const inState = async (state: 'accepted' | 'processing' | 'completed') => {
    const { items } = await readAll((cursor) =>
      listBatches(ledger.db, tenantId, { state, limit: 1, cursor }),
    )
    expect(items.every((batch) => batch.state === state)).toBe(true)
    return items.length
  }
  expect(await inState('accepted')).toBe(2)
  expect(await inState('processing')).toBe(2)
  expect(await inState('completed')).toBe(1)
})

test('pages begun before a batch came show every older batch once', async () => {
  const tenant = await ledger.newTenant()
  const lines = [adjustment('A', 1)]
  const older = [await submit(ledger.db, tenant, lines), await submit(ledger.db, tenant, lines)]
  const first = await listBatches(ledger.db, tenant, { limit: 1 })
  await acceptBatch(
    ledger.db,
    { tenantId: tenant, reference: 'new', mode: 'apply', negativeStock: 'allow', lines },
    { maxChunkLines: 1 },
  )
  const next = await listBatches(ledger.db, tenant, { limit: 5, cursor: first.nextCursor ?? '' })
  const seen = [...first.items, ...next.items].map((batch) => batch.id)
  expect(seen.sort()).toEqual(older.map((batch) => batch.id).sort())
})

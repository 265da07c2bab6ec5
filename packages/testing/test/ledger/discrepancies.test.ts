import type { Line } from '@inventoryrpa/contracts'
import {
  acknowledgeDiscrepancy,
  applyChunk,
  claimRecounts,
  findOpenDiscrepancy,
  InvalidCursorError,
  listDiscrepancies,
  type Readings,
  recount,
  releaseHeldLines,
  resolveDiscrepancy,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { batchState } from './batch-state.ts'
import { adjustment, atHour, count, sync, transfer } from './lines.ts'
import { foreignCursors, readAll } from './read-all.ts'
import { readings } from './readings.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const at = (sku: string, quantity: number, hour: number, location = 'Leeds') =>
  adjustment(sku, quantity, { observedAt: atHour(hour), location })
const said = (onHand: Record<string, number | null>, hour = 5) =>
  readings(onHand, { asOf: atHour(hour) })

/** Applies lines as a batch that is verified. */
const verify = async (tenantId: number, lines: Line[], source: Readings = new Map()) => {
  const { id, chunks } = await submit(ledger.db, tenantId, lines, { verify: true })
  await Promise.all(chunks.map((chunk) => applyChunk(ledger.db, chunk, source)))
  return { id, chunks }
}
const listed = async (
  tenantId: number,
  filter: { open?: boolean; kind?: 'count' | 'source' } = {},
) => (await listDiscrepancies(ledger.db, tenantId, { limit: 1_000, ...filter })).items
const opened = async (tenantId: number) => {
  const items = await listed(tenantId, { open: true })
  return items
    .map((it) => [it.kind, `${it.sku}/${it.location}`, it.expected, it.found].join(' '))
    .sort()
}
/** As if they had last been looked at so long ago. */
const wait = (tenantId: number, seconds: number) =>
  ledger.admin.query(
    `update discrepancies set opened_at = opened_at - make_interval(secs => $2),
       recounted_at = recounted_at - make_interval(secs => $2) where tenant_id = $1`,
    [tenantId, seconds],
  )
const due = async (tenantId: number) =>
  (await claimRecounts(ledger.db, { afterSeconds: 60, limit: 1_000 })).find(
    (it) => it.tenantId === tenantId,
  )

test('a count that finds something else than the ledger had at that moment is a discrepancy', async () => {
  const tenantId = await ledger.newTenant()
  const lines = [at('A', 10, 1), at('A', -3, 4), count('A', 8, atHour(2)), count('B', 0, atHour(2))]
  const { id } = await verify(tenantId, lines)
  expect(await opened(tenantId)).toEqual(['count A/Leeds 10 8'])
  expect(await listed(tenantId)).toMatchObject([
    { batchId: id, line: 3, source: null, resolvedAt: null, owner: null, recounts: 0 },
  ])
})

test('without being asked to verify, a batch finds none', async () => {
  const tenantId = await ledger.newTenant()
  const { chunks } = await submit(ledger.db, tenantId, [at('A', 10, 1), count('A', 8, atHour(2))])
  for (const chunk of chunks) await applyChunk(ledger.db, chunk, said({ 'A/Leeds': 1 }))
  expect(await listed(tenantId)).toEqual([])
})

test('a level is compared with its source as of the moment of the reading, and what moved later is kept', async () => {
  const tenantId = await ledger.newTenant()
  const lines = [at('A', 10, 1), at('A', 5, 8), at('B', 10, 1), at('B', 5, 8)]
  const { id } = await verify(tenantId, lines, said({ 'A/Leeds': 10, 'B/Leeds': 15 }))
  expect(await opened(tenantId)).toEqual(['source B/Leeds 15 10'])
  expect(await listed(tenantId)).toMatchObject([
    { batchId: id, line: 4, source: { name: 'primary', asOf: atHour(5), failedOverBecause: null } },
  ])
})

test('both ends of a transfer are compared, and a sync of the same batch agrees with what it read', async () => {
  const tenantId = await ledger.newTenant()
  const moved = transfer('A', 4, { observedAt: atHour(2) })
  const source = said({ 'A/Leeds': 6, 'A/Paris': 5, 'B/Leeds': 9 })
  await verify(tenantId, [at('A', 10, 1), moved, sync('B')], source)
  expect(await opened(tenantId)).toEqual(['source A/Paris 5 4'])
})

test('what the source is too stale for or does not know is not compared', async () => {
  const tenantId = await ledger.newTenant()
  const stale = readings({ 'A/Leeds': 1 }, { asOf: atHour(5), stale: true })
  const source = new Map([...stale, ...said({ 'B/Leeds': null })])
  await verify(tenantId, [at('A', 10, 1), at('B', 10, 1), at('C', 10, 1)], source)
  expect(await listed(tenantId)).toEqual([])
})

test('one of a kind is open for each level, with the latest figures, and it is resolved when they agree', async () => {
  const tenantId = await ledger.newTenant()
  await verify(tenantId, [at('A', 10, 1)], said({ 'A/Leeds': 8 }))
  const [first] = await listed(tenantId)
  const { id } = await verify(
    tenantId,
    [at('A', 1, 2), count('A', 12, atHour(3))],
    said({ 'A/Leeds': 9 }),
  )
  expect(await opened(tenantId)).toEqual(['count A/Leeds 11 12', 'source A/Leeds 9 12'])
  const [same] = await listed(tenantId, { kind: 'source' })
  expect(same).toMatchObject({ id: first?.id, openedAt: first?.openedAt, batchId: id })
  await verify(tenantId, [at('A', 0, 3)], said({ 'A/Leeds': 12 }))
  expect(await opened(tenantId)).toEqual(['count A/Leeds 11 12'])
  const resolved = await listed(tenantId, { open: false })
  expect(resolved).toMatchObject([{ id: first?.id, resolution: 'agreed', expected: '9' }])
  await verify(tenantId, [at('A', 0, 3)], said({ 'A/Leeds': 13 }))
  expect(await opened(tenantId)).toEqual(['count A/Leeds 11 12', 'source A/Leeds 13 12'])
})

test('a line that is rejected opens none by a count, and leaves its level to be compared', async () => {
  const tenantId = await ledger.newTenant()
  await verify(
    tenantId,
    [count('A', 5, atHour(4)), count('A', 99, atHour(2))],
    said({ 'A/Leeds': 5 }),
  )
  expect(await opened(tenantId)).toEqual(['count A/Leeds 0 5'])
  const lines = [adjustment('B', 1, { expectedOnHand: 7 })]
  const { id } = await verify(tenantId, lines, said({ 'B/Leeds': 7 }))
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ rejected: 1 })
  expect(await opened(tenantId)).toContain('source B/Leeds 7 0')
})

test('batches that verify the same levels at once leave one open discrepancy a level', async () => {
  const tenantId = await ledger.newTenant()
  const skus = Array.from({ length: 15 }, (_, index) => `S${index}`)
  const source = said(Object.fromEntries(skus.map((sku) => [`${sku}/Leeds`, 1_000])))
  const batches = await Promise.all(
    Array.from({ length: 6 }, (_, turn) =>
      verify(
        tenantId,
        (turn % 2 ? skus.toReversed() : skus).flatMap((sku) => [
          at(sku, 1, 1),
          count(sku, turn, atHour(2)),
        ]),
        source,
      ),
    ),
  )
  for (const { id } of batches) {
    expect(await batchState(ledger, tenantId, id)).toMatchObject({
      state: 'completed',
      applied: 30,
    })
  }
  const open = await listed(tenantId, { open: true, kind: 'source' })
  expect(open.map((it) => it.sku).sort()).toEqual(skus.toSorted())
})

test('held lines of a verified batch are compared when they are released', async () => {
  const tenantId = await ledger.newTenant()
  const stale = readings({ 'A/Leeds': 1 }, { asOf: atHour(1), stale: true })
  const { chunks } = await verify(tenantId, [sync('A')], stale)
  expect(await listed(tenantId)).toEqual([])
  await verify(tenantId, [at('A', 3, 2)], said({ 'A/Leeds': 9 }))
  expect(await opened(tenantId)).toEqual(['source A/Leeds 9 3'])
  for (const chunk of chunks) await releaseHeldLines(ledger.db, chunk, said({ 'A/Leeds': 9 }))
  expect(await opened(tenantId)).toEqual([])
})

test('open discrepancies with the source are due for a recount after a while, and told to one who asks', async () => {
  const tenantId = await ledger.newTenant()
  await verify(tenantId, [at('A', 10, 1), count('A', 8, atHour(2))], said({ 'A/Leeds': 9 }))
  expect(await due(tenantId)).toBeUndefined()
  await wait(tenantId, 61)
  const asked = await Promise.all([due(tenantId), due(tenantId), due(tenantId)])
  const [told] = asked.filter(Boolean)
  expect(asked.filter(Boolean)).toHaveLength(1)
  expect(told).toEqual({ tenantId, keys: [{ sku: 'A', location: 'Leeds' }] })
  await wait(tenantId, 61)
  expect(await due(tenantId)).toBeDefined()
})

test('a recount resolves what agrees, keeps what does not with its new figures, and changes no stock', async () => {
  const tenantId = await ledger.newTenant()
  const lines = ['A', 'B', 'C', 'D'].map((sku) => at(sku, 10, 1))
  const source = said({ 'A/Leeds': 1, 'B/Leeds': 1, 'C/Leeds': 1, 'D/Leeds': 1 })
  const { id } = await verify(tenantId, lines, source)
  const keys = ['A', 'B', 'C', 'D', 'E'].map((sku) => ({ sku, location: 'Leeds' }))
  const now = new Map([
    ...readings(
      { 'A/Leeds': 10, 'B/Leeds': 2, 'E/Leeds': 5 },
      { asOf: atHour(6), source: 'backup', failoverCode: 'timeout' },
    ),
    ...readings({ 'C/Leeds': 10 }, { asOf: atHour(6), stale: true }),
  ])
  expect(await recount(ledger.db, { tenantId, keys }, now)).toBe(1)
  expect(await opened(tenantId)).toEqual([
    'source B/Leeds 2 10',
    'source C/Leeds 1 10',
    'source D/Leeds 1 10',
  ])
  const [agreed] = await listed(tenantId, { open: false })
  const backup = { name: 'backup', asOf: atHour(6), failedOverBecause: 'timeout' }
  expect(agreed).toMatchObject({ sku: 'A', resolution: 'agreed', recounts: 1, source: backup })
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ applied: 4 })
})

test('a recount looks at the ledger as of the reading', async () => {
  const tenantId = await ledger.newTenant()
  await verify(tenantId, [at('A', 10, 1)], said({ 'A/Leeds': 12 }))
  const { chunks } = await submit(ledger.db, tenantId, [at('A', 2, 4), at('A', 50, 9)])
  for (const chunk of chunks) await applyChunk(ledger.db, chunk)
  const keys = [{ sku: 'A', location: 'Leeds' }]
  expect(await recount(ledger.db, { tenantId, keys }, said({ 'A/Leeds': 12 }, 6))).toBe(1)
})

test('recounts and verified batches of the same levels at once all end', async () => {
  const tenantId = await ledger.newTenant()
  const skus = Array.from({ length: 15 }, (_, index) => `S${index}`)
  const source = said(Object.fromEntries(skus.map((sku) => [`${sku}/Leeds`, 1_000])))
  await verify(
    tenantId,
    skus.map((sku) => at(sku, 1, 1)),
    source,
  )
  const keys = skus.toReversed().map((sku) => ({ sku, location: 'Leeds' }))
  await Promise.all([
    ...[1, 2, 3].map(() => recount(ledger.db, { tenantId, keys }, source)),
    ...[1, 2, 3].map(() =>
      verify(
        tenantId,
        skus.map((sku) => at(sku, 1, 1)),
        source,
      ),
    ),
  ])
  expect(await listed(tenantId, { open: true })).toHaveLength(15)
})

test('one is acknowledged and resolved once, by its own tenant, and then absent', async () => {
  const tenantId = await ledger.newTenant()
  await verify(tenantId, [at('A', 10, 1)], said({ 'A/Leeds': 1 }))
  const [open] = await listed(tenantId)
  const { id } = open as { id: string }
  const { db } = ledger
  const stranger = await ledger.newTenant()
  const mine = { resolution: 'mine' }
  expect(await findOpenDiscrepancy(db, stranger, id)).toBeUndefined()
  expect(await acknowledgeDiscrepancy(db, stranger, id, 'Eve')).toBeUndefined()
  expect(await resolveDiscrepancy(db, stranger, id, mine)).toBeUndefined()
  expect(await listed(stranger)).toEqual([])
  const acknowledged = await acknowledgeDiscrepancy(db, tenantId, id, 'Ann')
  expect(await acknowledgeDiscrepancy(db, tenantId, id, 'Bob')).toMatchObject({
    owner: 'Bob',
    acknowledgedAt: acknowledged?.acknowledgedAt,
  })
  const resolved = await Promise.all(
    [1, 2, 3, 4].map(() => resolveDiscrepancy(db, tenantId, id, mine)),
  )
  expect(resolved.filter(Boolean)).toMatchObject([{ id, resolution: 'mine', owner: 'Bob' }])
  expect(await acknowledgeDiscrepancy(db, tenantId, id, 'Ann')).toBeUndefined()
  expect(await findOpenDiscrepancy(db, tenantId, id)).toBeUndefined()
})

test('they are read page by page, each once, oldest first, and no foreign cursor is taken', async () => {
  const tenantId = await ledger.newTenant()
  const skus = Array.from({ length: 7 }, (_, index) => `S${index}`)
  const source = said(Object.fromEntries(skus.map((sku) => [`${sku}/Leeds`, 1])))
  await verify(
    tenantId,
    skus.map((sku) => at(sku, 10, 1)),
    source,
  )
  const all = await listed(tenantId)
  expect(all).toHaveLength(7)
  for (const limit of [1, 2, 7]) {
    const { items } = await readAll((cursor) =>
      listDiscrepancies(ledger.db, tenantId, { limit, cursor }),
    )
    expect(items.map((it) => it.id)).toEqual(all.map((it) => it.id))
  }
  for (const cursor of foreignCursors) {
    const page = listDiscrepancies(ledger.db, tenantId, { limit: 10, cursor })
    await expect(page, cursor).rejects.toThrow(InvalidCursorError)
  }
})

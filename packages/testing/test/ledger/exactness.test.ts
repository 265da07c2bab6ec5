import { applyChunk, listLineOutcomes } from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { onHandOf } from './on-hand.ts'
import { generator, randomLines } from './random-lines.ts'
import { readAll } from './read-all.ts'
import { submit, submitAndApply, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const policies = ['reject', 'allow'] as const

test.for([1, 2, 3, 4])(
  'batches in parallel, each chunk delivered twice, leave every line ended once and every level the sum of its movements (seed %i)',
  async (seed) => {
    const random = generator(seed)
    const tenantId = await ledger.newTenant()
    const sent = Array.from({ length: 6 }, () => randomLines(random, 60))
    const submitted = await Promise.all(
      sent.map((lines, index) =>
        submit(ledger.db, tenantId, lines, {
          maxChunkLines: 7,
          negativeStock: policies[index % 2] ?? 'allow',
        }),
      ),
    )
    const deliveries = submitted.flatMap(({ chunks }) => [...chunks, ...chunks])
    expect(deliveries.length).toBeGreaterThan(50)
    deliveries.sort(() => random(2) - 0.5)
    await Promise.all(deliveries.map((chunk) => applyChunk(ledger.db, chunk)))

    for (const [index, { id }] of submitted.entries()) {
      const { items } = await readAll((cursor) =>
        listLineOutcomes(ledger.db, id, { limit: 13, cursor }),
      )
      expect(items.map((item) => item.line)).toEqual(sent[index]?.map((_, line) => line + 1))
      for (const item of items) {
        const legs = item.outcome !== 'applied' ? 0 : item.type === 'transfer' ? 2 : 1
        expect(item.movements).toHaveLength(legs)
      }
    }
    const { rows: batches } = await ledger.admin.query(
      `select distinct state, pending, dead, applied + rejected as ended from batches where tenant_id = $1`,
      [tenantId],
    )
    expect(batches).toEqual([{ state: 'completed', pending: 0, dead: 0, ended: 60 }])
    expect(await disagreements(tenantId)).toEqual([])
  },
)

/** Levels that are not the sum of their movements, and movements that do not follow the one before. */
const disagreements = async (tenantId: number) => {
  const { rows } = await ledger.admin.query(
    `with trail as (
      select sku, location, version, on_hand_after,
        sum(quantity) over w as running, row_number() over w as place
      from movements where tenant_id = $1 window w as (partition by sku, location order by version)
    ), ends as (
      select sku, location, max(version) as version, max(running) filter (where latest) as on_hand
      from (select *, place = max(place) over (partition by sku, location) as latest from trail) t
      group by sku, location
    )
    select sku, location, 'movement ' || version as what from trail
    where version <> place or on_hand_after <> running
    union all
    select coalesce(l.sku, e.sku), coalesce(l.location, e.location), 'level'
    from (select * from stock_levels where tenant_id = $1) l
    full join ends e on e.sku = l.sku and e.location = l.location
    where l.on_hand is distinct from e.on_hand or l.version is distinct from e.version`,
    [tenantId],
  )
  return rows
}

test('a level that is not the sum of its movements would be found', async () => {
  const tenantId = await ledger.newTenant()
  await submitAndApply(ledger.db, tenantId, randomLines(generator(1), 20))
  expect(await disagreements(tenantId)).toEqual([])
  await ledger.admin.query(
    "update stock_levels set on_hand = on_hand + 0.001 where tenant_id = $1 and sku = 'S1'",
    [tenantId],
  )
  expect((await disagreements(tenantId)).length).toBeGreaterThan(0)
})

test.for([5, 6, 7])(
  'lines end alike in one chunk, in many chunks, and in many batches one after another (seed %i)',
  async (seed) => {
    const lines = randomLines(generator(seed), 80)
    const whole = await ledger.newTenant()
    await submitAndApply(ledger.db, whole, lines, { negativeStock: 'reject' })
    const chunked = await ledger.newTenant()
    await submitAndApply(ledger.db, chunked, lines, { negativeStock: 'reject', maxChunkLines: 3 })
    const parted = await ledger.newTenant()
    for (let from = 0; from < lines.length; from += 8) {
      const part = lines.slice(from, from + 8)
      await submitAndApply(ledger.db, parted, part, { negativeStock: 'reject' })
    }
    const expected = await onHandOf(ledger, whole)
    expect(Object.keys(expected).length).toBeGreaterThan(8)
    expect(await onHandOf(ledger, chunked)).toEqual(expected)
    expect(await onHandOf(ledger, parted)).toEqual(expected)
  },
)

import { applyChunk, applyChunkAndWaiting, type ChunkRef } from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { adjustment } from './lines.ts'
import { onHandOf } from './on-hand.ts'
import { generator } from './random-lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const deadlocks = async () => {
  const { rows } = await ledger.admin.query<{ deadlocks: number }>(
    'select deadlocks::int from pg_stat_database where datname = current_database()',
  )
  return rows[0]?.deadlocks
}

const ways = {
  alone: applyChunk,
  'with those that wait': (...[db, ref]: Parameters<typeof applyChunk>) =>
    applyChunkAndWaiting(db, ref, { maxLines: 900 }),
}

test.for(Object.keys(ways) as (keyof typeof ways)[])(
  'chunks that make and change the same levels at once, applied %s, all settle: none conflicts, none deadlocks',
  async (way) => {
    const random = generator(11)
    const tenantId = await ledger.newTenant()
    const expected = new Map<string, number>()
    const chunks: ChunkRef[] = []
    for (let batch = 0; batch < 24; batch += 1) {
      const lines = Array.from({ length: 300 }, () => {
        const sku = `S${random(1_500)}`
        expected.set(sku, (expected.get(sku) ?? 0) + 1)
        return adjustment(sku, 1)
      })
      chunks.push(...(await submit(ledger.db, tenantId, lines)).chunks)
    }
    const before = await deadlocks()
    const waiting = chunks.values()
    const applyAll = async () => {
      for (const chunk of waiting) await ways[way](ledger.db, chunk)
    }
    await Promise.all(Array.from({ length: 6 }, applyAll))

    const levels = await onHandOf(ledger, tenantId)
    expect(Object.keys(levels).length).toBe(expected.size)
    for (const [sku, onHand] of expected) expect(levels[`${sku}/Leeds`]).toBe(String(onHand))
    expect(await deadlocks()).toBe(before)
  },
)

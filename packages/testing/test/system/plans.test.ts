import { createApiKey, ensureTenant, openLedger } from '@inventoryrpa/ledger'
import { getBatch, type TestSystem, until, untilCompleted } from '@inventoryrpa/testing'
import { describe, expect, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

const lines = (count: number, quantity: number) =>
  Array.from({ length: count }, (_, index) => ({
    type: 'adjustment',
    sku: `sku-${index % 4_000}`,
    location: 'Leeds',
    quantity,
  }))

describe.for(['redis', 'postgres'] as const)('on %s', (backend) => {
  const open = async () => {
    const { system, database } = await startFreshSystem(backend)
    const post = async (path: string, body?: object, key?: string) =>
      system.call(path, {
        method: 'POST',
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(key && { authorization: `Bearer ${key}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
    const accepted = async (path: string, body?: object, key?: string) => {
      const answer = await post(path, body, key)
      if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`)
      return (await answer.json()) as { id: string; state: string }
    }
    const submit = async (body: object, key?: string) =>
      (await accepted('/v1/batches', body, key)).id
    return { system, database, post, accepted, submit }
  }

  test('a plan is looked at, the world moves, and only what moved differs; then all of it is reversed', async () => {
    const { system, post, accepted, submit } = await open()
    await untilCompleted(system, await submit({ lines: lines(4_000, 10) }))
    const before = await stockOf(system)
    const planned = await submit({ mode: 'preview', lines: lines(8_000, -3) })
    const { planHash } = await untilState(system, planned, 'previewed')
    expect(await stockOf(system)).toEqual(before)

    const moved = Array.from({ length: 50 }, (_, index) => ({
      ...lines(1, 100)[0],
      sku: `sku-${index}`,
    }))
    await untilCompleted(system, await submit({ lines: moved }))
    const stale = await post(`/v1/batches/${planned}/apply`, { planHash: '0'.repeat(64) })
    expect([stale.status, ((await stale.json()) as { code: string }).code]).toEqual([
      409,
      'plan-mismatch',
    ])
    await accepted(`/v1/batches/${planned}/apply`, { planHash, onConflict: 'reject' })
    const { counts } = await untilCompleted(system, planned)
    expect(counts).toMatchObject({ total: 8_000, applied: 7_900, rejected: 100 })
    const rejected = await system.call(`/v1/batches/${planned}/lines?outcome=rejected&limit=1000`)
    const { items } = (await rejected.json()) as { items: { sku: string; code: string }[] }
    expect(new Set(items.map((item) => item.code))).toEqual(new Set(['level_moved']))
    expect(new Set(items.map((item) => item.sku))).toEqual(new Set(moved.map((line) => line.sku)))
    const after = await stockOf(system)
    for (const [sku, onHand] of after) {
      expect(onHand, sku).toBe(Number(sku.slice(4)) < 50 ? 110 : 4)
    }

    const reversal = await accepted(`/v1/batches/${planned}/reverse`, {})
    expect((await untilCompleted(system, reversal.id)).counts).toMatchObject({ applied: 7_900 })
    const again = await post(`/v1/batches/${planned}/reverse`, {})
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([
      409,
      'already-reversed',
    ])
    for (const [sku, onHand] of await stockOf(system)) {
      expect(onHand, sku).toBe(Number(sku.slice(4)) < 50 ? 110 : 10)
    }
  }, 120_000)

  test('a guarded batch passes only with a second key', async () => {
    const { system, database, post, accepted, submit } = await open()
    const keys = await keysOf(database.url, {
      sender: ['batches:write', 'batches:read', 'batches:approve'],
      reader: ['batches:read'],
      approver: ['batches:approve'],
    })
    const put = await system.call('/v1/guard', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ maxUnits: 1_000 }),
    })
    expect(put.status).toBe(200)
    const small = await submit({ lines: lines(900, 1) }, keys.sender)
    expect((await untilCompleted(system, small)).counts).toMatchObject({ applied: 900 })

    const large = await submit({ lines: lines(3_000, 1) }, keys.sender)
    expect(await untilState(system, large, 'awaiting_approval')).toMatchObject({
      guardFindings: ['units'],
    })
    const refusals = []
    for (const [path, key] of [
      ['approve', keys.sender],
      ['approve', keys.reader],
      ['apply', keys.sender],
      ['reverse', keys.sender],
    ] as const) {
      const body = path === 'apply' ? { planHash: '0'.repeat(64) } : {}
      const answer = await post(`/v1/batches/${large}/${path}`, body, key)
      refusals.push([path, answer.status, ((await answer.json()) as { code: string }).code])
    }
    expect(refusals).toEqual([
      ['approve', 403, 'own-batch'],
      ['approve', 403, 'forbidden'],
      ['apply', 409, 'batch-state'],
      ['reverse', 409, 'batch-state'],
    ])
    await accepted(`/v1/batches/${large}/approve`, { decision: 'approve' }, keys.approver)
    expect((await untilCompleted(system, large)).counts).toMatchObject({ applied: 3_000 })

    const refused = await submit({ lines: lines(3_000, 1) }, keys.sender)
    await untilState(system, refused, 'awaiting_approval')
    await accepted(`/v1/batches/${refused}/approve`, { decision: 'reject' }, keys.approver)
    expect(await untilState(system, refused, 'cancelled')).toMatchObject({
      counts: { cancelled: 3_000, applied: 0 },
      decision: { decision: 'reject' },
    })
  }, 120_000)

  test('cancelling ends what is queued and what is in hand, in every process', async () => {
    const { system, post, submit } = await open()
    const ids = []
    for (let batch = 0; batch < 6; batch += 1) ids.push(await submit({ lines: lines(10_000, 1) }))
    // The first ones may be done by now.
    const cancels = await Promise.all(ids.map((id) => post(`/v1/batches/${id}/cancel`)))
    expect(cancels.at(-1)?.status).toBe(202)
    let applied = 0
    for (const id of ids) {
      const { counts, state } = await until(
        async () => {
          const batch = (await getBatch(system, id)) as Answer
          return batch.counts.pending === 0 ? batch : undefined
        },
        { timeoutMs: 30_000, everyMs: 100, describe: `batch ${id} without pending lines` },
      )
      expect(counts.applied + counts.cancelled).toBe(10_000)
      expect(state).toBe(counts.cancelled > 0 ? 'cancelled' : 'completed')
      applied += counts.applied
    }
    const stock = await stockOf(system)
    expect([...stock.values()].reduce((sum, onHand) => sum + onHand, 0)).toBe(applied)
    expect(applied).toBeLessThan(60_000)
  }, 120_000)
})

type Answer = Awaited<ReturnType<typeof getBatch>> & {
  planHash: string
  counts: Record<'cancelled', number>
}

const untilState = (system: TestSystem, id: string, state: string) =>
  until(
    async () => {
      const batch = (await getBatch(system, id)) as Answer
      return batch.state === state ? batch : undefined
    },
    { timeoutMs: 60_000, everyMs: 100, describe: `batch ${id} ${state}` },
  )

const stockOf = async (system: TestSystem): Promise<Map<string, number>> => {
  const stock = new Map<string, number>()
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const answer = await system.call(`/v1/stock?limit=1000${query}`)
    const page = (await answer.json()) as {
      items: { sku: string; onHand: string }[]
      nextCursor: string | null
    }
    for (const { sku, onHand } of page.items) stock.set(sku, Number(onHand))
    cursor = page.nextCursor
  }
  return stock
}

const keysOf = async <Name extends string>(
  databaseUrl: string,
  wanted: Record<Name, readonly Parameters<typeof createApiKey>[1]['scopes'][number][]>,
): Promise<Record<Name, string>> => {
  const ledger = openLedger({ databaseUrl, maxConnections: 1 })
  try {
    const tenantId = await ensureTenant(ledger.db, 'test')
    const keys: Record<string, string> = {}
    for (const [name, scopes] of Object.entries<(typeof wanted)[Name]>(wanted)) {
      keys[name] = (await createApiKey(ledger.db, { tenantId, name, scopes })).key
    }
    return keys as Record<Name, string>
  } finally {
    await ledger.close()
  }
}

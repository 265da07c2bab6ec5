import { type Fault, type Level, startStockSource } from '@inventoryrpa/example-stock-source'
import {
  getBatch,
  submitLines,
  type TestSystem,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

const skus = 400
const levels: Level[] = Array.from({ length: skus }, (_, index) => ({
  sku: `sku-${index}`,
  location: 'here',
  onHand: String(index),
}))
const sync = (index: number) => ({ type: 'sync', sku: `sku-${index % skus}`, location: 'here' })
const adjustment = (index: number) => ({
  type: 'adjustment',
  sku: `other-${index % skus}`,
  location: 'here',
  quantity: 1,
})
const deadlineMs = 500

/** Seconds for which both sources are down; 180 shows what the product promises. */
// biome-ignore lint/style/noProcessEnv: a test has no configuration of its own
const outageSeconds = Number(process.env.SOURCE_OUTAGE_SECONDS ?? 15)

const open = async (backend: 'redis' | 'postgres', env: Record<string, string> = {}) => {
  const primary = await startStockSource({ levels })
  onTestFinished(() => primary.close())
  const backup = await startStockSource({ levels })
  onTestFinished(() => backup.close())
  const { system, database } = await startFreshSystem(backend, {
    env: {
      STOCK_SOURCE_URL: primary.url,
      STOCK_SOURCE_TOKEN: primary.token,
      STOCK_SOURCE_BACKUP_URL: backup.url,
      STOCK_SOURCE_BACKUP_TOKEN: backup.token,
      STOCK_SOURCE_ALLOW_PRIVATE: 'true',
      STOCK_SOURCE_DEADLINE_MS: String(deadlineMs),
      STOCK_SOURCE_BREAKER_OPEN_MS: '1000',
      ...env,
    },
  })
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  onTestFinished(() => client.end())
  const rows = async <T>(query: string) => (await client.query(query)).rows as T[]
  return { primary, backup, system, rows }
}

const countsOf = async (system: TestSystem, ids: string[]) => {
  const sums = { total: 0, pending: 0, applied: 0, rejected: 0, held: 0, dead: 0 }
  for (const id of ids) {
    const { counts } = await getBatch(system, id)
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) {
      sums[key] += (counts as typeof sums)[key]
    }
  }
  return sums
}

const failures: Fault[] = [
  { mode: '500' },
  { mode: 'hang' },
  { mode: 'trickle', everyMs: 20 },
  { mode: 'reset' },
  { mode: 'garbage' },
  { mode: 'endless' },
  { mode: 'bomb' },
  { mode: 'wrong-schema' },
  { mode: 'flapping', every: 2 },
  // Last, since a source that asks for patience is not asked for a while.
  { mode: '429', retryAfter: '1' },
]

for (const backend of ['redis', 'postgres'] as const) {
  test(`while the primary fails in ten ways every sync ends applied, with where it was read, on ${backend}`, async () => {
    // The breaker is left out, so that every read meets the fault.
    const { primary, system, rows } = await open(backend, { STOCK_SOURCE_BREAKER_FAILURES: '1000' })
    const [healthy = ''] = await submitLines(system, [sync(1)])
    await untilCompleted(system, healthy, 20_000)
    const ids: string[] = []
    for (const fault of failures) {
      primary.fail(fault)
      const lines = Array.from({ length: 200 }, (_, index) => sync(index))
      const own = await submitLines(system, lines, { bodyLines: 20 })
      for (const id of own) await untilCompleted(system, id, 30_000)
      ids.push(...own)
    }
    expect(await countsOf(system, ids)).toEqual({
      total: 2_000,
      applied: 2_000,
      pending: 0,
      rejected: 0,
      held: 0,
      dead: 0,
    })
    const wrong = await rows(
      `select sku, on_hand from stock_levels
       where sku like 'sku-%' and on_hand <> substr(sku, 5)::numeric`,
    )
    expect(wrong).toEqual([])
    const sources = await rows<{ source: string; failover_code: string | null; lines: number }>(
      `select source, failover_code, count(*)::int as lines from movements
       where type = 'sync' and as_of is not null group by 1, 2`,
    )
    expect(sources.reduce((sum, row) => sum + row.lines, 0)).toBe(2_001)
    // The primary answers while it is healthy, and now and then while it flaps; else the backup, and why.
    for (const row of sources) expect(row.source === 'backup').toBe(row.failover_code !== null)
    const codes = sources.map((row) => row.failover_code)
    expect(codes).toEqual(
      expect.arrayContaining([
        null,
        'http_error',
        'throttled',
        'timeout',
        'reset',
        'invalid_response',
        'too_large',
        'wrong_schema',
      ]),
    )
    // A backup that is late on a busy machine, while the primary answers nonsense, is no outage.
    const attempts = await rows<{ code: string; class: string }>(
      'select code, class from failed_attempts',
    )
    for (const attempt of attempts) {
      expect(attempt).toEqual({ code: expect.stringMatching(/^SOURCE_/), class: 'transient' })
    }
  }, 180_000)

  test(`what the backup is too stale for is held, and applied once it is fresh, on ${backend}`, async () => {
    const { primary, backup, system } = await open(backend, {
      STOCK_SOURCE_STALE_AFTER_MS: '60000',
    })
    primary.fail({ mode: '500' })
    backup.fail({ mode: 'lag', lagMs: 120_000 })
    const [id = ''] = await submitLines(system, [sync(1), sync(2), adjustment(1)])
    await untilCompleted(system, id, 20_000)
    expect(await countsOf(system, [id])).toMatchObject({ held: 2, applied: 1, pending: 0 })
    const answer = await system.call(`/v1/batches/${id}/lines?outcome=held`)
    expect(await answer.json()).toMatchObject({
      items: [
        { line: 1, outcome: 'held', code: 'stale_source' },
        { line: 2, outcome: 'held', code: 'stale_source' },
      ],
    })
    backup.fail({ mode: 'none' })
    await until(async () => (await countsOf(system, [id])).held === 0, {
      timeoutMs: 40_000,
      everyMs: 200,
      describe: 'the held lines released',
    })
    expect(await countsOf(system, [id])).toMatchObject({ held: 0, applied: 3, pending: 0 })
  }, 120_000)

  test(
    `with both sources down no attempt is used up, what needs none goes on, and all settles after their return, on ${backend}`,
    async () => {
      const { primary, backup, system, rows } = await open(backend)
      const [before = ''] = await submitLines(system, [sync(1)])
      await untilCompleted(system, before, 20_000)
      primary.fail({ mode: 'reset' })
      backup.fail({ mode: 'hang' })
      const syncs = await submitLines(
        system,
        Array.from({ length: 400 }, (_, index) => sync(index)),
        { bodyLines: 20 },
      )
      let syncLines = 400
      /** One more sync. @returns seconds to wait, as its answer says */
      const toldToWait = async () => {
        const answer = await system.call('/v1/batches', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ lines: [sync(syncLines++)] }),
        })
        expect(answer.status).toBe(202)
        syncs.push(((await answer.json()) as { id: string }).id)
        return Number(answer.headers.get('retry-after'))
      }
      const waits: number[] = []
      const healAt = performance.now() + outageSeconds * 1_000
      let adjusted = 0
      while (performance.now() < healAt) {
        const lines = Array.from({ length: 1_000 }, (_, index) => adjustment(index))
        for (const id of await submitLines(system, lines)) await untilCompleted(system, id, 5_000)
        adjusted += lines.length
        waits.push(await toldToWait())
      }
      expect(adjusted).toBeGreaterThan(0)
      const all = 400 + waits.length
      expect(await countsOf(system, syncs)).toMatchObject({ pending: all, applied: 0 })
      expect(waits.some((seconds) => seconds > 0 && seconds <= 60)).toBe(true)
      primary.fail({ mode: 'none' })
      const healed = performance.now()
      for (const id of syncs) await untilCompleted(system, id, 30_000)
      expect(performance.now() - healed).toBeLessThan(30_000)
      expect(await countsOf(system, syncs)).toMatchObject({ applied: all, dead: 0 })
      expect(await rows('select from failed_attempts')).toEqual([])
      // What was held last is held for a moment more.
      await until(async () => (await toldToWait()) === 0, { describe: 'nobody told to wait' })
    },
    60_000 + outageSeconds * 1_500,
  )

  test(`what differs from the source is a discrepancy until it agrees, on ${backend}`, async () => {
    const { primary, system } = await open(backend, { RECOUNT_AFTER_SECONDS: '1' })
    const list = async (query: string) => {
      const answer = await system.call(`/v1/discrepancies?${query}`)
      return ((await answer.json()) as { items: { id: string; sku: string }[] }).items
    }
    const post = (path: string, body: object) =>
      system.call(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const line = { type: 'adjustment', location: 'here' }
    const answer = await post('/v1/batches', {
      verify: true,
      lines: [
        { ...line, sku: 'sku-7', quantity: 7 },
        { ...line, sku: 'sku-8', quantity: 5 },
        { ...line, sku: 'sku-9', quantity: 4 },
      ],
    })
    expect(answer.status).toBe(202)
    const { id } = (await answer.json()) as { id: string }
    await untilCompleted(system, id, 20_000)
    const differing = await list('open=true')
    differing.sort((a, b) => (a.sku < b.sku ? -1 : 1))
    expect(differing).toMatchObject([
      { kind: 'source', sku: 'sku-8', expected: '8', found: '5', source: { name: 'primary' } },
      { kind: 'source', sku: 'sku-9', expected: '9', found: '4' },
    ])
    const [eight, nine] = differing as unknown as [{ id: string }, { id: string }]
    const owned = await post(`/v1/discrepancies/${eight.id}/acknowledge`, { owner: 'Ann' })
    expect(await owned.json()).toMatchObject({ owner: 'Ann', acknowledgedAt: expect.any(String) })

    primary.setLevels(
      levels.map((level) => (level.sku === 'sku-8' ? { ...level, onHand: '5' } : level)),
    )
    await until(async () => (await list('open=false')).some((it) => it.id === eight.id), {
      timeoutMs: 20_000,
      everyMs: 100,
      describe: 'the recount that agrees',
    })
    const resolved = await post(`/v1/discrepancies/${nine.id}/resolve`, {
      resolution: 'the source is right',
      followSource: true,
    })
    const { recountBatchId } = (await resolved.json()) as { recountBatchId: string }
    await untilCompleted(system, recountBatchId, 20_000)
    expect(await (await system.call('/v1/stock?sku=sku-9')).json()).toMatchObject({
      items: [{ onHand: '9' }],
    })
    expect(await list('open=true')).toEqual([])
    expect(
      (await post(`/v1/discrepancies/${nine.id}/resolve`, { resolution: 'again' })).status,
    ).toBe(404)
  }, 90_000)
}

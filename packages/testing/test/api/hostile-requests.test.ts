import {
  applyChunk,
  ensureTenant,
  listDeadLetters,
  listDiscrepancies,
  markChunkDead,
  openLedger,
} from '@inventoryrpa/ledger'
import { beforeAll, expect, test } from 'vitest'
import { adjustment } from '../ledger/lines.ts'
import { readings } from '../ledger/readings.ts'
import { submit } from '../ledger/test-ledger.ts'
import { readOperations } from './operations.ts'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

const system = useSystem({ workers: 0, env: { STOCK_SOURCE_URL: 'https://stock.example/levels' } })

/** One dead letter and some open discrepancies of a tenant. */
const seed = async (tenant: string) => {
  const { db, close } = openLedger({ databaseUrl: system.databaseUrl, maxConnections: 2 })
  const tenantId = await ensureTenant(db, tenant)
  const dead = await submit(db, tenantId, [adjustment('A', 1)])
  for (const chunk of dead.chunks) {
    await markChunkDead(db, chunk, { code: 'poison', message: 'it threw' })
  }
  const skus = ['A', 'B', 'C', 'D', 'E']
  const lines = skus.map((sku) => adjustment(sku, 1))
  const verified = await submit(db, tenantId, lines, { verify: true })
  const onHand = Object.fromEntries(skus.map((sku) => [`${sku}/Leeds`, 5]))
  const said = readings(onHand, { asOf: new Date(Date.now() + 60_000).toISOString() })
  for (const chunk of verified.chunks) await applyChunk(db, chunk, said)
  const letters = await listDeadLetters(db, tenantId, { limit: 10 })
  const discrepancies = await listDiscrepancies(db, tenantId, { limit: 10 })
  await close()
  return {
    letter: letters.items[0] as { id: string; batchId: string },
    discrepancies: discrepancies.items.map((it) => it.id),
  }
}

const post = (path: string, body: unknown, key = system.apiKey) =>
  system.callAs(key, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const odd: unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e308, 5e-324, -0, 2 ** 31, 2 ** 53, 2 ** 63, []],
  ...[{}, [1], '', ' ', '0', '1e3', 'NaN', 'null', '\u0000', 'a\u0000b', '\ud800', '\u202e', '\n'],
  ...['x'.repeat(1_024), 'x'.repeat(1_025), "'; drop table chunks; --", '%', '%00', '$1', '\\'],
  ...['00000000-0000-0000-0000-000000000000', 'FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF'],
  ...['019a0000-0000-7000-8000-000000000000-999999999', '__proto__', '../batches', '東', '📦'],
]
const bodies = [
  ...['', 'null', '[]', '0', '"x"', '{', '{"a":1}', '{"__proto__":{}}', '\u0000', '{}{}'],
  ...['{"limit":1e999}', '{"limit":1,"limit":2}', '{"fingerprint":"\\u0000"}', '\ufeff{}'],
]
const fields = {
  redriveDeadLetters: ['fingerprint', 'batchId', 'id', 'limit', 'canary', 'ratePerSecond'],
  acknowledgeDiscrepancy: ['owner'],
  resolveDiscrepancy: ['resolution', 'followSource'],
} as Record<string, string[]>
const queries = ['limit', 'cursor', 'fingerprint', 'batchId', 'open', 'kind', 'sku', 'state']

let own: Awaited<ReturnType<typeof seed>>
beforeAll(async () => {
  own = await seed('test')
})

test('whatever dead letters and discrepancies are asked, the answer is one that is declared, and never a fault', async () => {
  const operations = (await readOperations(system.apiUrl)).filter(({ template }) =>
    /dead-letters|discrepancies/.test(template),
  )
  expect(operations).toHaveLength(7)
  const faults: string[] = []
  const seen = new Set<number>()
  for (const { operationId, method, template, statuses } of operations) {
    const check = async (what: string, asked: Promise<Response>) => {
      const answer = await asked
      await answer.arrayBuffer()
      seen.add(answer.status)
      const isFine = answer.status < 500 && statuses.includes(String(answer.status))
      if (!isFine) faults.push(`${operationId} ${what.slice(0, 100)}: ${answer.status}`)
    }
    const path = template.replace('{id}', own.discrepancies[0] ?? '')
    if (method === 'GET') {
      for (const query of queries) {
        for (const value of odd.map(String)) {
          const search = new URLSearchParams({ [query]: value })
          await check(`${query}=${JSON.stringify(value)}`, system.call(`${path}?${search}`))
        }
        await check(`${query}=%00`, system.call(`${path}?${query}=%00`))
        await check(`${query} twice`, system.call(`${path}?${query}=a&${query}=b`))
      }
    } else {
      for (const body of bodies) await check(JSON.stringify(body), post(path, body))
      for (const field of fields[operationId] ?? []) {
        for (const value of odd) {
          // Of a fingerprint that nothing has, so that no dead letter is redriven by it.
          const harmless = operationId === 'redriveDeadLetters' ? { fingerprint: 'none' } : {}
          const body = { ...harmless, [field]: value }
          await check(JSON.stringify(body), post(path, body))
        }
      }
    }
    if (!template.includes('{id}')) continue
    for (const value of [...odd.map(String), '%00', '%', '%2e%2e']) {
      const id = value.includes('%') ? value : encodeURIComponent(value.toWellFormed())
      const at = template.replace('{id}', id)
      await check(
        at,
        method === 'GET' ? system.call(at) : post(at, { owner: 'a', resolution: 'b' }),
      )
    }
  }
  expect(faults).toEqual([])
  expect([...seen].sort()).toEqual(expect.arrayContaining([200, 202, 400, 404]))
}, 120_000)

test("another tenant's dead letters and discrepancies cannot be seen, redriven, acknowledged or resolved", async () => {
  const foreign = await seed('another')
  const [discrepancy = ''] = foreign.discrepancies
  for (const [action, body] of [
    ['acknowledge', { owner: 'Eve' }],
    ['resolve', { resolution: 'mine' }],
  ] as const) {
    expect((await post(`/v1/discrepancies/${discrepancy}/${action}`, body)).status).toBe(404)
  }
  const { id, batchId } = foreign.letter
  for (const body of [{ id }, { batchId }]) {
    const answer = await post('/v1/dead-letters/redrive', body)
    expect(await readJson(answer)).toMatchObject({ redriven: 0 })
  }
  for (const path of [`dead-letters/lines?batchId=${batchId}`, 'dead-letters', 'discrepancies']) {
    const text = await (await system.call(`/v1/${path}`)).text()
    expect(text).not.toContain(batchId)
  }
  const { key } = await system.createKey({ tenant: 'another' })
  const started = await post('/v1/dead-letters/redrive', {}, key)
  const redrive = await readJson<{ id: string; redriven: number }>(started)
  expect(redrive.redriven).toBe(1)
  expect((await system.call(`/v1/dead-letters/redrives/${redrive.id}`)).status).toBe(404)
  const seen = await system.callAs(key, started.headers.get('location') ?? '')
  expect(await readJson(seen)).toEqual(redrive)
})

test('each action needs its scope', async () => {
  const { key } = await system.createKey({ scopes: ['batches:read', 'stock:read'] })
  const [discrepancy] = own.discrepancies
  for (const [path, body] of [
    ['/v1/dead-letters/redrive', {}],
    [`/v1/discrepancies/${discrepancy}/acknowledge`, { owner: 'Ann' }],
    [`/v1/discrepancies/${discrepancy}/resolve`, { resolution: 'done' }],
  ] as const) {
    expect((await post(path, body, key)).status, path).toBe(403)
  }
  const { key: writer } = await system.createKey({ scopes: ['batches:write'] })
  for (const path of ['/v1/dead-letters', '/v1/dead-letters/lines', '/v1/discrepancies']) {
    expect((await system.callAs(key, path)).status, path).toBe(200)
    expect((await system.callAs(writer, path)).status, path).toBe(403)
  }
})

test('a discrepancy that is resolved by many at once is resolved once, with the one batch that follows the source', async () => {
  const [, , id = ''] = own.discrepancies
  const body = { resolution: 'the source is right', followSource: true }
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => post(`/v1/discrepancies/${id}/resolve`, body)),
  )
  const resolved = answers.filter((answer) => answer.status === 200)
  expect(resolved).toHaveLength(1)
  const others = answers.map((answer) => answer.status).filter((status) => status !== 200)
  for (const status of others) expect([404, 409]).toContain(status)
  const { recountBatchId } = await readJson<{ recountBatchId: string }>(resolved[0] as Response)
  const { items } = await readJson<{ items: { id: string; reference: string }[] }>(
    await system.call('/v1/batches'),
  )
  const followers = items.filter((batch) => batch.reference === `discrepancy ${id}`)
  expect(followers.map((batch) => batch.id)).toEqual([recountBatchId])
})

test('a key that a client chose never stands for the batch that follows the source', async () => {
  const [, , , id = ''] = own.discrepancies
  const taken = await system.post(
    { lines: [adjustment('A', 1)] },
    { 'idempotency-key': `discrepancy-${id}` },
  )
  expect(taken.status).toBe(202)
  const body = { resolution: 'the source is right', followSource: true }
  const resolved = await post(`/v1/discrepancies/${id}/resolve`, body)
  const { recountBatchId } = await readJson<{ recountBatchId: string | null }>(resolved)
  expect(recountBatchId).toEqual(expect.any(String))
})

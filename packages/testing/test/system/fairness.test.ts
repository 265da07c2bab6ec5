import { until, untilCompleted } from '@inventoryrpa/testing'
import { describe, expect, test } from 'vitest'
import { type SystemOfTenants, startWithoutWorkers, submitBatch, submitMany } from './tenants.ts'

/** About what one transaction applies. */
const linesTogether = 8_000

/** In the order in which they were settled. */
const settledChunks = ({ query }: SystemOfTenants) =>
  query<{ tenant: string; priority: string; lines: number }>(
    `select t.name as tenant, b.priority, c.line_count as lines
     from chunks c join batches b on b.id = c.batch_id join tenants t on t.id = b.tenant_id
     where c.settled_at is not null order by c.settled_at, c.batch_id, c.chunk`,
  )

const pendingLines = async ({ query }: SystemOfTenants) => {
  const [row] = await query<{ pending: number }>('select sum(pending)::int as pending from batches')
  return row?.pending
}

const untilDrained = (tenants: SystemOfTenants) =>
  until(async () => (await pendingLines(tenants)) === 0, {
    timeoutMs: 60_000,
    describe: 'all lines settled',
  })

/** Lines of the other tenants that were settled before the last of this one's. */
const besides = (chunks: Awaited<ReturnType<typeof settledChunks>>, tenant: string) => {
  const last = chunks.findLastIndex((it) => it.tenant === tenant)
  const others = chunks.slice(0, last).filter((it) => it.tenant !== tenant)
  return others.reduce((sum, it) => sum + it.lines, 0)
}

describe.for(['redis', 'postgres'] as const)('on %s', (kind) => {
  test("a small batch does not wait behind another tenant's backlog", async () => {
    const tenants = await startWithoutWorkers(kind)
    const [large, small] = [await tenants.tenant('large'), await tenants.tenant('small')]
    await submitMany(large, 60_000)
    await tenants.system.addWorker()
    for (let batch = 0; batch < 3; batch += 1) {
      await untilCompleted(small, await submitBatch(small, 10))
    }
    // Neither the express queue nor its turn in the other one lets it wait.
    await untilCompleted(small, await submitBatch(small, 200))
    expect(await pendingLines(tenants)).toBeGreaterThan(0)
    await untilDrained(tenants)
  }, 120_000)

  test.for(['as they were queued', 'after the queue was emptied'])(
    'tenants with a backlog share by weight, whoever came first, %s',
    { timeout: 120_000 },
    async (when) => {
      const tenants = await startWithoutWorkers(kind)
      const light = await tenants.tenant('light')
      const heavy = await tenants.tenant('heavy', { weight: 3 })
      await submitMany(light, 60_000)
      await submitMany(heavy, 60_000)
      if (when === 'after the queue was emptied') {
        await untilQueued(tenants)
        await tenants.emptyQueue()
        await untilLeftToRelay(tenants)
      }
      await tenants.system.addWorker()
      await untilDrained(tenants)
      const lines = besides(await settledChunks(tenants), 'heavy')
      expect(lines).toBeGreaterThan(20_000 - 1.5 * linesTogether)
      expect(lines).toBeLessThan(20_000 + 1.5 * linesTogether)
    },
  )

  test('priority orders the batches of a tenant, and takes nothing from another', async () => {
    const tenants = await startWithoutWorkers(kind)
    const [one, other] = [await tenants.tenant('one'), await tenants.tenant('other')]
    await submitBatch(one, 3_000, { priority: 'low' })
    await submitMany(one, 40_000)
    await submitMany(other, 60_000)
    for (let batch = 0; batch < 2; batch += 1) {
      await submitBatch(one, 10_000, { priority: 'high' })
    }
    await tenants.system.addWorker()
    await untilDrained(tenants)
    const chunks = await settledChunks(tenants)
    const own = chunks.filter(({ tenant }) => tenant === 'one')
    const lastHigh = own.findLastIndex(({ priority }) => priority === 'high')
    const before = own.slice(0, lastHigh).filter(({ priority }) => priority !== 'high')
    expect(before.reduce((sum, { lines }) => sum + lines, 0)).toBeLessThanOrEqual(linesTogether)
    expect(own.at(-1)?.priority).toBe('low')
    // 63,000 lines of the one beside 60,000 of the other.
    expect(besides(chunks, 'one')).toBeGreaterThan(60_000 - 2 * linesTogether)
    expect(besides(chunks, 'other')).toBeGreaterThan(60_000 - 2 * linesTogether)
  }, 120_000)

  test('a scheduled batch is applied when its time has come and not before, also when the queue was emptied', async () => {
    const tenants = await startWithoutWorkers(kind)
    const one = await tenants.tenant('one')
    await tenants.system.addWorker()
    const notBefore = new Date(Date.now() + 15_000)
    const scheduled = await submitBatch(one, 2_500, { notBefore: notBefore.toISOString() })
    await untilQueued(tenants)
    await tenants.emptyQueue()
    const now = await submitBatch(one, 2_500)
    await untilCompleted(one, now)
    await untilQueued(tenants)
    await untilCompleted(one, scheduled)
    const [first] = await tenants.query<{ recorded_at: Date }>(
      'select min(recorded_at) as recorded_at from movements where batch_id = $1',
      [scheduled],
    )
    expect(first?.recorded_at.getTime()).toBeGreaterThanOrEqual(notBefore.getTime())
  }, 120_000)
})

/** Until one sweep of the relay takes all chunks: it leaves those of the last 2 s to their API. */
const untilLeftToRelay = async ({ query }: SystemOfTenants) => {
  const isOld = async () => {
    const [row] = await query<{ old: boolean }>(
      `select bool_and(created_at < now() - interval '2 seconds') as old from batches`,
    )
    return row?.old
  }
  await until(isOld, { describe: 'all chunks left to the relay' })
}

/** Until the queue has a job for each chunk that is not settled, as the API's metrics tell. */
const untilQueued = async ({ system, query }: SystemOfTenants) => {
  const isQueued = async () => {
    const text = await (await fetch(`${system.opsUrl}/metrics`)).text()
    const counts = text.matchAll(
      /^inventoryrpa_queue_jobs\{[^}]*state="(?:delayed|prioritized|waiting)"[^}]*\} (\d+)$/gm,
    )
    const jobs = [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
    const [row] = await query<{ chunks: number }>(
      'select count(*)::int as chunks from chunks where settled_at is null',
    )
    return jobs > 0 && jobs === row?.chunks
  }
  await until(isQueued, { timeoutMs: 30_000, describe: 'a job for each chunk' })
}

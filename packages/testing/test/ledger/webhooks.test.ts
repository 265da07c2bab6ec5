import { randomUUID } from 'node:crypto'
import {
  applyChunk,
  claimDelivery,
  dropOldDeliveries,
  dropOldEvents,
  endAttempt,
  expireDeliveries,
  findDueHost,
  findWebhookDelivery,
  listDueDeliveries,
  readEvents,
  replayWebhookDelivery,
  rotateWebhookSecret,
} from '@inventoryrpa/ledger'
import { until } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()
const all = { perHost: 1_000, limit: 10_000 }

const line = { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: '1' } as const

/** Completes a batch. @returns its delivery */
const complete = async (tenantId: number, callbackUrl: string): Promise<string> => {
  const { id, chunks } = await submit(ledger.db, tenantId, [line], { callbackUrl })
  for (const chunk of chunks) await applyChunk(ledger.db, chunk)
  const { rows } = await ledger.admin.query(
    'select id from webhook_deliveries where batch_id = $1',
    [id],
  )
  expect(rows).toHaveLength(1)
  return rows[0].id
}
const withSecret = async () => {
  const tenantId = await ledger.newTenant()
  await rotateWebhookSecret(ledger.db, tenantId)
  return tenantId
}
const anyHost = () => `https://${randomUUID()}.example/hooks`
const due = async (id: string) =>
  (await listDueDeliveries(ledger.db, all)).find((it) => it.id === id)
const set = (id: string, assignment: string) =>
  ledger.admin.query(`update webhook_deliveries set ${assignment} where id = $1`, [id])
const failed = { status: 500, error: 'http_error', seconds: 0.1 }

test('of many that want a delivery at once one gets it, and its attempt is in the log from then on', async () => {
  const tenantId = await withSecret()
  const id = await complete(tenantId, anyHost())
  expect(await due(id)).toEqual({ id, attempt: 1 })
  const claims = await Promise.all(Array.from({ length: 20 }, () => claimDelivery(ledger.db, id)))
  const claimed = claims.filter((it) => it !== undefined)
  expect(claimed).toMatchObject([{ id, attempt: 1, tries: 1 }])
  expect(claimed[0]?.secrets).toHaveLength(1)
  expect(await due(id)).toBeUndefined()
  expect(await findDueHost(ledger.db, id)).toBeUndefined()
  const found = await findWebhookDelivery(ledger.db, tenantId, id)
  expect(found?.log).toMatchObject([{ attempt: 1, status: null, error: 'interrupted' }])
})

test('one that nobody heard of again is due after 30 s, as the next attempt', async () => {
  const tenantId = await withSecret()
  const id = await complete(tenantId, anyHost())
  await claimDelivery(ledger.db, id)
  const found = await findWebhookDelivery(ledger.db, tenantId, id)
  const inSeconds = (Date.parse(found?.nextAttemptAt ?? '') - Date.now()) / 1_000
  expect(inSeconds).toBeGreaterThan(25)
  expect(inSeconds).toBeLessThanOrEqual(30)
  await set(id, 'next_attempt_at = now()')
  expect(await due(id)).toEqual({ id, attempt: 2 })
})

test('what is heard of too late postpones nothing, but a receipt counts', async () => {
  const tenantId = await withSecret()
  const id = await complete(tenantId, anyHost())
  await claimDelivery(ledger.db, id)
  await set(id, 'next_attempt_at = now()')
  await claimDelivery(ledger.db, id)
  const late = { id, attempt: 1 }
  expect(await endAttempt(ledger.db, late, { ...failed, retryInMs: 0 })).toBeUndefined()
  expect(await due(id)).toBeUndefined()
  const receipt = { status: 200, error: null, seconds: 1 }
  expect(await endAttempt(ledger.db, late, receipt)).toBe('delivered')
  expect(
    await endAttempt(ledger.db, { id, attempt: 2 }, { ...failed, retryInMs: 0 }),
  ).toBeUndefined()
  expect(await findWebhookDelivery(ledger.db, tenantId, id)).toMatchObject({ state: 'delivered' })
})

test('an attempt that failed is followed by another until the day is over', async () => {
  const tenantId = await withSecret()
  const id = await complete(tenantId, anyHost())
  const first = await claimDelivery(ledger.db, id)
  if (!first) throw new Error('not due')
  expect(await endAttempt(ledger.db, first, { ...failed, retryInMs: 0 })).toBe('pending')
  const second = await claimDelivery(ledger.db, id)
  if (!second) throw new Error('not due')
  await set(id, `expires_at = now() + interval '10 s'`)
  expect(await endAttempt(ledger.db, second, { ...failed, retryInMs: 11_000 })).toBe('failed')
  expect(await findWebhookDelivery(ledger.db, tenantId, id)).toMatchObject({
    state: 'failed',
    nextAttemptAt: null,
    log: [{ error: 'http_error' }, { error: 'http_error' }],
  })
})

test('a replay has a day and a backoff of its own, and another tenant has none', async () => {
  const tenantId = await withSecret()
  const id = await complete(tenantId, anyHost())
  const first = await claimDelivery(ledger.db, id)
  if (!first) throw new Error('not due')
  expect(await endAttempt(ledger.db, first, failed)).toBe('failed')
  await set(id, `expires_at = now() - interval '1 hour'`)
  expect(await replayWebhookDelivery(ledger.db, await withSecret(), id)).toBeUndefined()
  const replayed = await replayWebhookDelivery(ledger.db, tenantId, id)
  expect(replayed).toMatchObject({ state: 'pending', settledAt: null })
  expect(Date.parse(replayed?.expiresAt ?? '') - Date.now()).toBeGreaterThan(23 * 3_600_000)
  expect(await claimDelivery(ledger.db, id)).toMatchObject({ attempt: 2, tries: 1 })
})

test('one host with many deliveries hides none of another', async () => {
  const tenantId = await withSecret()
  const id = await complete(tenantId, 'https://quiet.example/hooks')
  await ledger.admin.query(
    `insert into webhook_deliveries (id, tenant_id, batch_id, type, url, host, payload, next_attempt_at, expires_at)
     select gen_random_uuid(), tenant_id, batch_id, type, url, 'away.example', payload,
       now() - interval '1 hour', expires_at
     from webhook_deliveries, generate_series(1, 5000) where id = $1`,
    [id],
  )
  const found = await listDueDeliveries(ledger.db, { perHost: 20, limit: 10_000 })
  expect(found.map((it) => it.id)).toContain(id)
  const hosts = await Promise.all(found.map((it) => findDueHost(ledger.db, it.id)))
  expect(hosts.filter((it) => it === 'away.example')).toHaveLength(20)
  await ledger.admin.query(`delete from webhook_deliveries where host = 'away.example'`)
})

test('what was attempted in vain for a day is given up, what never was is not', async () => {
  const tenantId = await withSecret()
  const [tried, untried] = [
    await complete(tenantId, anyHost()),
    await complete(tenantId, anyHost()),
  ]
  await claimDelivery(ledger.db, tried)
  for (const id of [tried, untried]) await set(id, `expires_at = now() - interval '1 s'`)
  expect(await expireDeliveries(ledger.db)).toBe(0)
  await set(tried, 'next_attempt_at = now()')
  expect(await expireDeliveries(ledger.db)).toBe(1)
  expect(await findWebhookDelivery(ledger.db, tenantId, tried)).toMatchObject({ state: 'failed' })
  expect(await due(untried)).toBeDefined()
})

test('events are dropped after 7 days, settled deliveries with their log after 30', async () => {
  const tenantId = await withSecret()
  const [settled, pending] = [
    await complete(tenantId, anyHost()),
    await complete(tenantId, anyHost()),
  ]
  const claimed = await claimDelivery(ledger.db, settled)
  if (!claimed) throw new Error('not due')
  await endAttempt(ledger.db, claimed, { status: 200, error: null, seconds: 0 })
  await complete(tenantId, anyHost())
  const age = async (table: string, days: number, ids: string) =>
    ledger.admin.query(
      `update ${table} set created_at = now() - make_interval(days => ${days}) where ${ids}`,
    )
  await age('webhook_deliveries', 31, `id in ('${settled}', '${pending}')`)
  expect(await dropOldDeliveries(ledger.db)).toBe(1)
  expect(await findWebhookDelivery(ledger.db, tenantId, settled)).toBeUndefined()
  expect(await findWebhookDelivery(ledger.db, tenantId, pending)).toBeDefined()
  await age('events', 8, `tenant_id = ${tenantId} and id < (select max(id) from events)`)
  expect(await dropOldEvents(ledger.db)).toBe(2)
})

test('whoever reads on behind the last event misses none, although one that came before commits later', async () => {
  const [tenantId, foreign] = [await ledger.newTenant(), await ledger.newTenant()]
  // Levels that exist: making them would have the transactions wait for each other before.
  const lines = Array.from({ length: 20 }, (_, index) => ({ ...line, sku: `sku-${index}` }))
  for (const tenant of [tenantId, foreign]) {
    const { chunks } = await submit(ledger.db, tenant, [line, ...lines])
    for (const chunk of chunks) await applyChunk(ledger.db, chunk)
  }
  // Between its number and its commit anything may hold up a transaction.
  await ledger.admin.query(`
    create function be_slow() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock(77); return null; end $$;
    create trigger slow after insert on events for each row
      when (new.data->>'reference' = 'slow') execute function be_slow()`)
  await ledger.admin.query('select pg_advisory_lock(77)')
  const slow = await submit(ledger.db, tenantId, [line], { reference: 'slow' })
  const others = await Promise.all(
    lines.map((it, index) => submit(ledger.db, index % 2 === 0 ? tenantId : foreign, [it])),
  )
  const apply = ({ chunks }: typeof slow) =>
    Promise.all(chunks.map((chunk) => applyChunk(ledger.db, chunk)))
  const read: string[] = []
  let after = (await readEvents(ledger.db, [{ tenantId, after: 0 }], 1))[0]?.[0]?.event.id
  const readOn = async () => {
    const [page = []] = await readEvents(ledger.db, [{ tenantId, after: Number(after) }], 7)
    for (const { batchId, event } of page) {
      expect(Number(event.id)).toBeGreaterThan(Number(after))
      after = event.id
      read.push(batchId)
    }
    return page.length
  }
  const waiting = async () => {
    const { rows } = await ledger.admin.query(
      `select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`,
    )
    return rows.length
  }
  const applyingSlow = apply(slow)
  await until(async () => (await waiting()) === 1, { everyMs: 5, describe: 'its event numbered' })
  const applying = Promise.all(others.map(apply))
  // Those of its own tenant wait for it, and no others.
  const foreignEvents = async () =>
    (await readEvents(ledger.db, [{ tenantId: foreign, after: 0 }], 99))[0]?.length
  await until(async () => (await foreignEvents()) === 11, { describe: 'the events of another' })
  await until(async () => (await readOn()) > 0 || (await waiting()) === 11, { describe: 'a wait' })
  await ledger.admin.query('select pg_advisory_unlock(77)')
  await Promise.all([applyingSlow, applying])
  while ((await readOn()) > 0);
  const own = [slow, ...others.filter((_, index) => index % 2 === 0)].map(({ id }) => id)
  expect(read.toSorted()).toEqual(own.toSorted())
  await ledger.admin.query('drop trigger slow on events; drop function be_slow')
})

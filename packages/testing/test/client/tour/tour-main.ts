import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { components, paths } from './api.ts'

// Written as somebody would who has nothing but the OpenAPI document and its generator. It is copied
// beside the types that its test generates from a running API.

const { API_URL: baseUrl = '', ADMIN_KEY = '', WEBHOOK_URL: callbackUrl = '' } = process.env

type Batch = components['schemas']['Batch']
type State = Batch['state']
const clientOf = (key: string) =>
  createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } })
const admin = clientOf(ADMIN_KEY)

const get = <T>({ data, error }: { data?: T; error?: unknown }): T => {
  if (data === undefined) throw new Error(JSON.stringify(error))
  return data
}
const poll = async <T>(read: () => Promise<T | undefined>, what: string): Promise<T> => {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const found = await read()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${what} in vain`)
}

// Keys: a sender's, and a second one that approves.
const createKey = async (name: string, scopes: components['schemas']['CreateApiKey']['scopes']) =>
  get(await admin.POST('/v1/keys', { body: { name, scopes } }))
const senderKey = await createKey('sender', ['batches:write', 'batches:read', 'stock:read'])
const sender = clientOf(senderKey.key)
const approver = clientOf((await createKey('approver', ['batches:approve'])).key)

const until = (id: string, ...states: State[]) =>
  poll(async () => {
    const batch = get(await sender.GET('/v1/batches/{id}', { params: { path: { id } } }))
    return states.includes(batch.state) ? batch : undefined
  }, `${id} was to be ${states}`)
const at = (id: string) => ({ params: { path: { id } } })
const onHand = async (sku: string) => {
  const { items } = get(await sender.GET('/v1/stock', { params: { query: { sku } } }))
  return items.map((level) => level.onHand).join()
}
type SubmitBatch = components['schemas']['SubmitBatch']
const submit = async (batch: Omit<Partial<SubmitBatch>, 'lines'>, sku: string, quantity: number) =>
  get(
    await sender.POST('/v1/batches', {
      params: { header: { 'idempotency-key': crypto.randomUUID() } },
      body: {
        mode: 'apply',
        negativeStock: 'reject',
        verify: false,
        priority: 'normal',
        ...batch,
        lines: [{ type: 'adjustment', sku, location: 'here', quantity }],
      },
    }),
  )

// Webhooks: a secret, then a batch that calls back.
assert.match(get(await admin.POST('/v1/webhook-secret')).secret, /^whsec_/)
const first = await submit({ reference: 'tour', callbackUrl }, 'a', 5)

// Events, until the last one.
const { data: stream } = await sender.GET('/v1/batches/{id}/events', {
  ...at(first.id),
  parseAs: 'stream',
})
assert.match(await new Response(stream ?? null).text(), /event: batch\.completed/)

// An upload with a bad line; its report, corrected, is sent again.
const upload = async (csv: string) =>
  get(
    await sender.POST('/v1/batches', {
      params: { query: { columns: 'sku:Code', location: 'here' } },
      body: csv,
      bodySerializer: (body) => body,
      headers: { 'content-type': 'text/csv' },
    }),
  )
const uploaded = await upload('Code,quantity\nb,1\nb,x\nb,2\n')
const { counts } = await until(uploaded.id, 'completed')
assert.deepEqual([counts.applied, counts.rejected], [2, 1])
const rejected = get(
  await sender.GET('/v1/batches/{id}/lines', {
    params: { path: { id: uploaded.id }, query: { outcome: 'rejected' } },
  }),
)
assert.deepEqual(
  rejected.items.map(({ line, code }) => [line, code]),
  [[2, 'invalid_line']],
)
const report = get(
  await sender.GET('/v1/batches/{id}/report.csv', {
    params: { path: { id: uploaded.id }, query: { outcome: 'rejected' } },
    parseAs: 'text',
  }),
)
const corrected = get(
  await sender.POST('/v1/batches', {
    body: report.replace(',x,', ',3,'),
    bodySerializer: (body) => body,
    headers: { 'content-type': 'text/csv' },
  }),
)
await until(corrected.id, 'completed')
assert.equal(await onHand('b'), '6')

// Preview, plan, apply.
const preview = await submit({ mode: 'preview' }, 'c', 7)
const { planHash } = await until(preview.id, 'previewed')
const plan = get(await sender.GET('/v1/batches/{id}/plan', at(preview.id)))
assert.deepEqual(plan.items[0]?.movements[0]?.after, '7')
const apply = { planHash: planHash ?? '', onConflict: 'reject' } as const
get(await sender.POST('/v1/batches/{id}/apply', { ...at(preview.id), body: apply }))
await until(preview.id, 'completed')
assert.equal(await onHand('c'), '7')

// Guard: not by the sender, but by the second key.
get(await admin.PUT('/v1/guard', { body: { maxUnits: 10 } }))
const large = await submit({}, 'd', 11)
await until(large.id, 'awaiting_approval')
const decision = { ...at(large.id), body: { decision: 'approve', onConflict: 'rebase' } } as const
assert.equal((await sender.POST('/v1/batches/{id}/approve', decision)).response.status, 403)
get(await approver.POST('/v1/batches/{id}/approve', decision))
await until(large.id, 'completed')
assert.equal(await onHand('d'), '11')
get(await admin.PUT('/v1/guard', { body: {} }))

// Cancel.
const later = await submit({ notBefore: new Date(Date.now() + 3_600_000).toISOString() }, 'e', 1)
get(await sender.POST('/v1/batches/{id}/cancel', at(later.id)))
assert.equal((await until(later.id, 'cancelled')).counts.cancelled, 1)

// Reverse.
const reversal = get(
  await sender.POST('/v1/batches/{id}/reverse', {
    ...at(preview.id),
    body: { mode: 'apply', laterMovements: 'refuse' },
  }),
)
await until(reversal.id, 'completed')
assert.equal(await onHand('c'), '0')
const movements = get(
  await sender.GET('/v1/stock/{sku}/movements', { params: { path: { sku: 'c' } } }),
)
assert.deepEqual(movements.items.map(({ quantity }) => quantity).sort(), ['-7', '7'])

// Dead letters.
const dead = await submit({}, 'poison', 1)
assert.equal((await until(dead.id, 'completed')).counts.dead, 1)
const groups = get(await admin.GET('/v1/dead-letters'))
const fingerprint = groups.items[0]?.fingerprint ?? ''
const letters = get(
  await admin.GET('/v1/dead-letters/lines', { params: { query: { fingerprint } } }),
)
assert.equal(letters.items[0]?.batchId, dead.id)
const redrive = get(
  await admin.POST('/v1/dead-letters/redrive', { body: { fingerprint, limit: 10, canary: 0 } }),
)
assert.equal(redrive.redriven, 1)
get(await admin.GET('/v1/dead-letters/redrives/{id}', at(redrive.id)))

// The webhook's delivery, and once more.
const delivery = await poll(async () => {
  const query = { batchId: first.id, state: 'delivered' } as const
  const { items } = get(await sender.GET('/v1/webhook-deliveries', { params: { query } }))
  return items[0]
}, 'a delivery was awaited')
const { log } = get(await sender.GET('/v1/webhook-deliveries/{id}', at(delivery.id)))
assert.equal(log[0]?.status, 204)
get(await sender.POST('/v1/webhook-deliveries/{id}/replay', at(delivery.id)))

// A key's end.
const rotate = { ...at(senderKey.id), body: { graceSeconds: 0 } }
const rotated = get(await admin.POST('/v1/keys/{id}/rotate', rotate))
get(await clientOf(rotated.key).GET('/v1/batches'))
const revoked = await admin.DELETE('/v1/keys/{id}', at(senderKey.id))
assert.equal(revoked.response.status, 204)
const { items: keys } = get(await admin.GET('/v1/keys'))
assert.ok(keys.find(({ id }) => id === senderKey.id)?.revokedAt)

console.log('the tour is complete')

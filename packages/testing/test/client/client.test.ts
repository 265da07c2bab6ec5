import { createClient, InventoryRpaError, type RetryNotice } from '@inventoryrpa/client'
import { startProxy, until } from '@inventoryrpa/testing'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { useSystem } from '../api/shared-system.ts'

const system = useSystem()
let client: ReturnType<typeof createClient>
beforeAll(() => {
  client = createClient({ baseUrl: system.apiUrl, apiKey: system.apiKey })
})

const all = async <T>(items: AsyncIterable<T>) => {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
const adjustment = (sku: string, quantity: number) =>
  ({ type: 'adjustment', sku, location: 'here', quantity }) as const

test('a batch is submitted, waited for, and read line by line over all pages', async () => {
  const lines = Array.from({ length: 1_200 }, (_, index) => adjustment(`page-${index}`, 1))
  const { id } = await client.submit({ reference: 'pages', lines })
  const done = await client.waitForBatch(id)
  expect(done).toMatchObject({ state: 'completed', counts: { total: 1_200, applied: 1_200 } })
  expect((await all(client.lines(id))).map(({ line }) => line)).toEqual(lines.map((_, i) => i + 1))
  expect(await all(client.lines(id, { outcome: 'rejected' }))).toEqual([])
  const mine = (await all(client.stock())).filter(({ sku }) => sku.startsWith('page-'))
  expect(mine).toHaveLength(1_200)
  expect(await all(client.batches({ reference: 'pages' }))).toHaveLength(1)
  expect(await all(client.movements('page-7'))).toMatchObject([{ batchId: id, quantity: '1' }])
})

test('a preview is looked at, applied by its hash, and taken back', async () => {
  const { id } = await client.submit({ mode: 'preview', lines: [adjustment('plan', 3)] })
  const previewed = await client.waitForBatch(id)
  expect(previewed.state).toBe('previewed')
  const [line] = await all(client.plan(id))
  expect(line?.movements).toMatchObject([{ before: '0', after: '3' }])
  await client.apply(id, { planHash: previewed.planHash ?? '' })
  expect((await client.waitForBatch(id)).counts.applied).toBe(1)
  const reversal = await client.reverse(id)
  expect((await client.waitForBatch(reversal.id)).counts.applied).toBe(1)
  expect(await all(client.stock({ sku: 'plan' }))).toMatchObject([{ onHand: '0' }])
})

test('what the API refuses is an error with its code, its faults and the id of the request', async () => {
  const error = await client
    .submit({ lines: [{ ...adjustment('wrong', 1), quantity: 'many' }] })
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(InventoryRpaError)
  expect(error).toMatchObject({
    code: 'invalid-request',
    status: 400,
    errors: [{ path: '/lines/0/quantity' }],
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
})

test('a retry after a lost answer carries the same key, so that there is one batch', async () => {
  const proxy = await startProxy({ targetPort: Number(new URL(system.apiUrl).port) })
  onTestFinished(() => proxy.close())
  const notices: RetryNotice[] = []
  const distant = createClient({
    baseUrl: `http://127.0.0.1:${proxy.port}`,
    apiKey: system.apiKey,
    onRetry: (notice) => notices.push(notice),
  })
  // The answer is on its way for as long.
  proxy.latency(2_000)
  const submitted = distant.submit({ reference: 'cut', lines: [adjustment('cut', 5)] })
  const committed = async () => (await all(client.batches({ reference: 'cut' }))).length === 1
  await until(committed, { describe: 'the batch is committed' })
  proxy.reset()
  proxy.latency(0)
  const { id } = await submitted
  expect(notices).toMatchObject([{ error: { code: 'unreachable', wasSent: true } }])
  await client.waitForBatch(id)
  expect(await all(client.batches({ reference: 'cut' }))).toMatchObject([{ id }])
  expect(await all(client.stock({ sku: 'cut' }))).toMatchObject([{ onHand: '5' }])
})

test('events go on where they were when the connection breaks', async () => {
  const proxy = await startProxy({ targetPort: Number(new URL(system.apiUrl).port) })
  onTestFinished(() => proxy.close())
  const distant = createClient({
    baseUrl: `http://127.0.0.1:${proxy.port}`,
    apiKey: system.apiKey,
  })
  const before = await client.submit({ lines: [adjustment('events', 1)] })
  const start = (await all(client.batchEvents(before.id))).at(-1)
  const lastEventId = start && 'id' in start ? start.id : ''
  const stop = new AbortController()
  const seen: string[] = []
  const following = (async () => {
    for await (const event of distant.events({ lastEventId, signal: stop.signal })) {
      seen.push(event.data.id)
    }
  })()
  const submitted: string[] = []
  for (const round of [1, 2, 3]) {
    const { id } = await client.submit({ lines: [adjustment('events', round)] })
    submitted.push(id)
    await until(() => seen.includes(id), { describe: `the event of batch ${round}` })
    proxy.reset()
  }
  stop.abort()
  await following
  expect(seen).toEqual(submitted)
})

test('a file is uploaded, its bad lines come back as a report, and corrected they are applied', async () => {
  const csv = 'sku,location,quantity\nup,here,2\nup,here,many\nup,here,3\n'
  const { id } = await client.upload(new Blob([csv]), { format: 'csv', reference: 'up' })
  const { counts } = await client.waitForBatch(id)
  expect(counts).toMatchObject({ total: 3, applied: 2, rejected: 1 })
  const report = await new Response(await client.report(id, { outcome: 'rejected' })).text()
  expect(report.trimEnd().split('\n')).toHaveLength(2)
  const again = await client.upload(new Blob([report.replace('many', '4')]), { format: 'csv' })
  await client.waitForBatch(again.id)
  expect(await all(client.stock({ sku: 'up' }))).toMatchObject([{ onHand: '9' }])
})

test('a key is made, rotated and revoked', async () => {
  const made = await client.createKey({ name: 'scanner', scopes: ['stock:read'] })
  const asScanner = (apiKey: string) => createClient({ baseUrl: system.apiUrl, apiKey })
  expect(await all(asScanner(made.key).stock({ sku: 'none' }))).toEqual([])
  const rotated = await client.rotateKey(made.id, { graceSeconds: 0 })
  expect(await all(asScanner(rotated.key).stock({ sku: 'none' }))).toEqual([])
  await client.revokeKey(made.id)
  const revoked = (await all(client.keys())).find(({ id }) => id === made.id)
  expect(revoked?.revokedAt).not.toBeNull()
})

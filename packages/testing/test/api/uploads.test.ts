import { gzipSync, zstdCompressSync } from 'node:zlib'
import { untilCompleted, upload } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

const system = useSystem()

type Batch = { id: string; state: string; counts: Record<string, number> }
type Lines = { items: Record<string, unknown>[] }
type Stock = { items: { location: string; onHand: string }[] }

const send = (body: string | Buffer<ArrayBuffer>, options: Parameters<typeof upload>[2] = {}) =>
  upload(system, body, options)

/** Sends it, waits until it is done. */
const completed = async (
  body: string | Buffer<ArrayBuffer>,
  options: Parameters<typeof upload>[2] = {},
) => {
  const answer = await send(body, options)
  expect(answer.status, await answer.clone().text()).toBe(202)
  const { id } = await readJson<Batch>(answer)
  await untilCompleted(system, id)
  const { counts } = await readJson<Batch>(await system.call(`/v1/batches/${id}`))
  const { items } = await readJson<Lines>(
    await system.call(`/v1/batches/${id}/lines?outcome=rejected`),
  )
  return { id, counts, rejected: items }
}

const onHand = async (sku: string) => {
  const { items } = await readJson<Stock>(
    await system.call(`/v1/stock?${new URLSearchParams({ sku })}`),
  )
  return Object.fromEntries(items.map((level) => [level.location, level.onHand]))
}

test('a file whose headers are the fields needs no options', async () => {
  const { counts } = await completed('sku,location,quantity\nplain,Leeds,5\nplain,Leeds,-2\n')
  expect(counts).toMatchObject({ total: 2, applied: 2, rejected: 0 })
  expect(await onHand('plain')).toEqual({ Leeds: '3' })
})

test('columns are found by the names that the query gives, also with commas and colons in them', async () => {
  const query = new URLSearchParams({
    columns: 'sku:Stock, code: no,quantity:Quantity,reference:InvoiceNo,observedAt:When',
    location: 'Leeds',
    reason: 'sale',
    negate: 'true',
    negativeStock: 'allow',
    timeZone: 'Europe/London',
    dates: 'dmy',
  })
  const csv = [
    'InvoiceNo,"Stock, code: no",Description,Quantity,When',
    '536365,mapped,"WHITE, ""HANGING"" HEART",6,1/12/2010 8:26',
    'C536366,mapped,,-1,2/7/2011 08:26:30',
    '',
  ].join('\n')
  const { id, counts } = await completed(csv, { query: String(query) })
  expect(counts).toMatchObject({ total: 2, applied: 2 })
  expect(await onHand('mapped')).toEqual({ Leeds: '-5' })
  const { items } = await readJson<Lines>(await system.call('/v1/stock/mapped/movements'))
  expect(items).toMatchObject([
    { batchId: id, quantity: '1', reason: 'sale', occurredAt: '2011-07-02T07:26:30.000Z' },
    { quantity: '-6', reference: '536365', occurredAt: '2010-12-01T08:26:00.000Z' },
  ])
}, 60_000)

test('a byte order mark, CRLF, quoted newlines, decimal commas and Windows-1252 are read', async () => {
  const crlf =
    '\ufeffsku,location,quantity,Note\r\nmarked,Leeds,"1","two\r\nlines"\r\nmarked,Leeds,2,\r\n'
  expect((await completed(crlf)).counts).toMatchObject({ total: 2, applied: 2 })
  expect(await onHand('marked')).toEqual({ Leeds: '3' })

  const text = 'Artikel;Ort;Menge\nSchl\xfcssel \x80;K\xf6ln;1,5\nSchl\xfcssel \x80;K\xf6ln;2.5\n'
  const query = new URLSearchParams({
    columns: 'sku:Artikel,location:Ort,quantity:Menge',
    delimiter: ';',
    decimal: 'comma',
    encoding: 'windows-1252',
  })
  const { counts, rejected } = await completed(Buffer.from(text, 'latin1'), {
    query: String(query),
  })
  expect(counts).toMatchObject({ total: 2, applied: 1, rejected: 1 })
  expect(rejected[0]?.detail).toMatch(/line 3 of the file: quantity has a point/)
  expect(await onHand('Schlüssel €')).toEqual({ Köln: '1.5' })
}, 60_000)

test('gzip and zstd are read, and what only claims to be is a 400', async () => {
  const csv = Buffer.from('sku,location,quantity\nzipped,Leeds,1\n')
  const zipped = { gzip: gzipSync(csv), 'x-gzip': gzipSync(csv), zstd: zstdCompressSync(csv) }
  for (const [encoding, body] of Object.entries(zipped)) {
    await completed(body, { headers: { 'content-encoding': encoding } })
    for (const broken of [csv, body.subarray(0, -6)]) {
      const answer = await send(broken, { headers: { 'content-encoding': encoding } })
      expect(await readJson(answer)).toMatchObject({ status: 400, code: 'invalid-request' })
    }
  }
  expect(await onHand('zipped')).toEqual({ Leeds: '3' })
  for (const encoding of ['br', 'deflate', 'gzip, gzip']) {
    const answer = await send(csv, { headers: { 'content-encoding': encoding } })
    expect(await readJson(answer)).toMatchObject({ status: 415 })
  }
}, 60_000)

test('each broken line is rejected with its number, its place and why; its neighbours are applied', async () => {
  const csv = [
    'sku,location,quantity,reason,observedAt',
    'broken,Leeds,1,,',
    'broken,Leeds,one,,',
    ',Leeds,1,,',
    '"broken","Leeds",1,"a\nb",',
    'broken,Leeds,1,,yesterday',
    'broken,Leeds',
    `broken,Leeds,1,${'x'.repeat(65)},`,
    'broken,Leeds,2,,',
    '',
  ].join('\n')
  const { counts, rejected } = await completed(csv)
  expect(counts).toMatchObject({ total: 8, applied: 2, rejected: 6 })
  expect(await onHand('broken')).toEqual({ Leeds: '3' })
  expect(rejected).toMatchObject([
    {
      line: 2,
      code: 'invalid_line',
      detail: expect.stringMatching(/^line 3 of the file: quantity/),
    },
    { line: 3, detail: expect.stringMatching(/^line 4 of the file: sku/), sku: '' },
    { line: 4, detail: expect.stringMatching(/^line 6 of the file: reason/) },
    { line: 5, detail: expect.stringMatching(/^line 7 of the file: observedAt/) },
    { line: 6, detail: expect.stringMatching(/^line 8 of the file: it has 2 fields/) },
    { line: 7, detail: expect.stringMatching(/^line 9 of the file: reason/) },
  ])
})

test('of NDJSON, what is no line is rejected, whatever it is', async () => {
  const good = '{"type":"adjustment","sku":"json","location":"Leeds","quantity":1}'
  const lines = [
    good,
    'garbage',
    '',
    good.replace('}', ',"colour":"red"}'),
    good.replace('}', ',"__proto__":{"a":1}}'),
    good.replace('}', ',"constructor":{"prototype":{}}}'),
    good.replace('adjustment', 'theft'),
    good.replace('json', 'json\\u0000'),
    good.replace('json', '\\ud800'),
    good.replace(':1}', ':1e99}'),
    '[]',
    'null',
    '"x"',
    `${'['.repeat(30_000)}`,
    `{"sku":"${'x'.repeat(70_000)}"}`,
    '<bytes>',
    `${good}\r`,
    '{"type":"count","sku":"json","location":"Paris","quantity":"4.5","countedAt":"2020-01-01T00:00:00Z"}',
  ]
  const [before = '', after = ''] = `\ufeff${lines.join('\n')}`.split('<bytes>')
  const notText = Buffer.from([0xff, 0xfe])
  const body = Buffer.concat([Buffer.from(before), notText, Buffer.from(after)])
  const { counts, rejected } = await completed(body, { type: 'application/x-ndjson' })
  expect(counts).toMatchObject({ total: 17, applied: 3, rejected: 14 })
  expect(rejected.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
  expect(rejected.every(({ code }) => code === 'invalid_line')).toBe(true)
  expect(rejected[1]?.detail).toBe('line 4 of the file: "colour" not allowed')
  expect(await onHand('json')).toEqual({ Leeds: '2', Paris: '4.5' })
})

test('a file in which every line is broken is accepted and completed at once', async () => {
  const key = crypto.randomUUID()
  const broken = () =>
    send('sku,location,quantity\n,,\n,,\n', { headers: { 'idempotency-key': key } })
  const first = await (await broken()).text()
  expect(JSON.parse(first)).toMatchObject({
    state: 'completed',
    counts: { total: 2, rejected: 2, pending: 0 },
    completedAt: expect.any(String),
  })
  const again = await broken()
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(await again.text()).toBe(first)
})

test('a file without a line, without a needed column or with a quote that is never closed is a 400', async () => {
  const cases: [string, string, RegExp][] = [
    ['', '', /no line/],
    ['sku,location,quantity\n', '', /no line/],
    ['sku,quantity\na,1\n', '', /no column "location"/],
    ['sku,location\na,b\n', 'type=count', /no column "quantity".*no column "countedAt"/],
    ['sku,location,quantity\na,b,1\n', 'columns=sku:StockCode', /no column "StockCode" for sku/],
    ['sku,location,quantity\na,b,1\n', 'columns=colour:Red', /querystring/],
    ['sku,location,quantity\na,b,1\n', 'delimiter=%3B%3B', /querystring/],
    ['sku,location,quantity\na,b,1\n', 'colour=red', /querystring/],
    ['sku,location,quantity\na,b,1\n', 'timeZone=Mars', /querystring/],
    [`sku,location,quantity\n"a,b,1\n${'a,b,1\n'.repeat(30_000)}`, '', /never closed/],
    ['sku,location,quantity\n"a,b,1\n', '', /never closed/],
  ]
  for (const [body, query, detail] of cases) {
    const answer = await send(body, { query })
    const problem = await readJson<{ status: number; detail: string }>(answer)
    expect(problem.status, detail.source).toBe(400)
    expect(problem.detail).toMatch(detail)
  }
  const ndjson = await send('', { type: 'application/x-ndjson', query: 'negate=true' })
  expect(await readJson(ndjson)).toMatchObject({ status: 400, errors: [{ path: '/negate' }] })
  const { items } = await readJson<{ items: object[] }>(await system.call('/v1/stock?sku=a'))
  expect(items).toEqual([])
})

test('lines that need a stock source are refused as a whole where there is none', async () => {
  const line = '{"type":"sync","sku":"a","location":"b"}\n'
  const answers = [
    await send(line, { type: 'application/x-ndjson' }),
    await send('sku,location\na,b\n', { query: 'type=sync' }),
    await send('sku,location,quantity\na,b,1\n', { query: 'verify=true' }),
  ]
  for (const answer of answers) {
    expect(await readJson(answer)).toMatchObject({ status: 422, code: 'no-stock-source' })
  }
})

test('lines of one level keep their order, however many levels and chunks there are', async () => {
  const count = 30_000
  const rows = Array.from({ length: count }, (_, index) =>
    // Each is only right after the one before it.
    JSON.stringify({
      type: 'adjustment',
      sku: `order-${index % 700}`,
      location: 'Leeds',
      quantity: 1,
      expectedOnHand: Math.floor(index / 700),
    }),
  )
  const { counts } = await completed(rows.join('\n'), { type: 'application/x-ndjson' })
  expect(counts).toMatchObject({ total: count, applied: count })
}, 60_000)

test('who may not write is refused before the body is read', async () => {
  const { key } = await system.createKey({ scopes: ['batches:read'] })
  const headers = { authorization: `Bearer ${key}` }
  expect((await send('sku,location,quantity\na,b,1\n', { headers })).status).toBe(403)
  headers.authorization = 'Bearer nobody'
  expect((await send('sku,location,quantity\na,b,1\n', { headers })).status).toBe(401)
})

test('an upload can be previewed, and applied by its plan; broken lines are rejected before', async () => {
  const rows = Array.from({ length: 3_000 }, (_, index) => `plan-${index % 1_500},Leeds,1`)
  const csv = `sku,location,quantity\n${rows.join('\n')}\nplan-0,Leeds,x\n`
  const { id } = await readJson<Batch>(await send(csv, { query: 'mode=preview' }))
  const read = async () =>
    readJson<Batch & { planHash: string }>(await system.call(`/v1/batches/${id}`))
  await expect.poll(async () => (await read()).state, { timeout: 20_000 }).toBe('previewed')
  const { planHash, counts } = await read()
  expect(counts).toMatchObject({ total: 3_001, pending: 3_000, rejected: 1 })
  expect(await onHand('plan-0')).toEqual({})
  const applied = await system.call(`/v1/batches/${id}/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ planHash }),
  })
  expect(applied.status).toBe(202)
  await untilCompleted(system, id)
  expect((await read()).counts).toMatchObject({ applied: 3_000, rejected: 1 })
  expect(await onHand('plan-0')).toEqual({ Leeds: '2' })
}, 60_000)

test('each completion is told once, also of a file that was done when it was accepted', async () => {
  const { id } = await readJson<Batch>(await send('sku,location,quantity\n,,\n'))
  const answer = await system.call(`/v1/batches/${id}/events`)
  const { value } = (await answer.body?.getReader().read()) ?? {}
  expect(new TextDecoder().decode(value)).toContain('batch.completed')
})

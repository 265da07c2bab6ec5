import { untilCompleted, upload } from '@inventoryrpa/testing'
import { parse } from 'csv-parse/sync'
import { expect, test } from 'vitest'
import { readJson } from './read-json.ts'
import { useSystem } from './shared-system.ts'

const system = useSystem()

type Row = Record<string, string>

const completed = async (answer: Response): Promise<string> => {
  expect(answer.status, await answer.clone().text()).toBe(202)
  const { id } = await readJson<{ id: string }>(answer)
  await untilCompleted(system, id)
  return id
}

const read = async (id: string, query = '') => {
  const answer = await system.call(`/v1/batches/${id}/report.csv${query}`)
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  return await answer.text()
}

const rowsOf = (csv: string): Row[] => parse(csv, { columns: true })

const onHand = async (sku: string) => {
  const search = new URLSearchParams({ sku })
  const { items } = await readJson<{ items: { location: string; onHand: string }[] }>(
    await system.call(`/v1/stock?${search}`),
  )
  return Object.fromEntries(items.map((level) => [level.location, level.onHand]))
}

test('it names what became of each line, with the line itself, in the order of the request', async () => {
  const lines = [
    {
      type: 'adjustment',
      sku: 'r1',
      location: 'Leeds',
      quantity: 5,
      reason: 'a, "b"',
      unitValue: 2,
    },
    {
      ...{ type: 'adjustment', sku: 'r1', location: 'Leeds', quantity: '-9.5', unitValue: '2.55' },
      ...{ reference: 'ref', expectedOnHand: 5, observedAt: '2020-01-01T00:00:00+01:00' },
    },
    { type: 'transfer', sku: 'r1', location: 'Leeds', toLocation: 'Paris', quantity: 2 },
    { type: 'count', sku: 'r2', location: 'Leeds', quantity: 7, countedAt: '2020-01-01T00:00:00Z' },
    { type: 'count', sku: 'r2', location: 'Leeds', quantity: 7, countedAt: '2019-01-01T00:00:00Z' },
  ]
  const id = await completed(await system.post({ lines }))
  const csv = await read(id)
  expect(csv.split('\r\n')[0]).toBe(
    'line,outcome,code,detail,type,sku,location,toLocation,quantity,reason,reference,observedAt,countedAt,expectedOnHand,unitValue,onHandAfter',
  )
  const rows = rowsOf(csv)
  expect(rows).toMatchObject([
    { line: '1', outcome: 'applied', quantity: '5', reason: 'a, "b"', onHandAfter: '5' },
    {
      ...{ line: '2', outcome: 'rejected', code: 'insufficient_stock', quantity: '-9.5' },
      ...{ reference: 'ref', expectedOnHand: '5', unitValue: '2.55', onHandAfter: '' },
      observedAt: '2020-01-01T00:00:00+01:00',
    },
    { line: '3', type: 'transfer', toLocation: 'Paris', quantity: '2', onHandAfter: '3' },
    { line: '4', type: 'count', quantity: '7', countedAt: '2020-01-01T00:00:00.000Z' },
    { line: '5', outcome: 'rejected', code: 'stale_count', countedAt: '2019-01-01T00:00:00Z' },
  ])
  expect(rowsOf(await read(id, '?outcome=rejected')).map(({ line }) => line)).toEqual(['2', '5'])
  expect(rowsOf(await read(id, '?outcome=applied')).map(({ line }) => line)).toEqual([
    '1',
    '3',
    '4',
  ])
  expect(rowsOf(await read(id, '?outcome=dead'))).toEqual([])
})

test('corrected, it can be sent again as it is: nothing that was applied is applied twice', async () => {
  const csv = [
    'sku,location,quantity,reason',
    'again,Leeds,5,',
    'again,Leeds,five,"=1+1"',
    'again,Leeds,-50,"+44 113"',
    '',
  ].join('\n')
  const query = 'reference=stocktake'
  const first = await completed(await upload(system, csv, { query }))
  const report = await read(first)
  expect(report).toContain(",'=1+1,")
  expect(report).toContain(",'+44 113,")
  expect(report).toContain(',-50,')
  const corrected = report.replace(',five,', ',7,').replace(',-50,', ',-10,')
  const second = await completed(await upload(system, corrected, { query }))
  expect(await onHand('again')).toEqual({ Leeds: '2' })
  const { counts } = await readJson<{ counts: object }>(await system.call(`/v1/batches/${second}`))
  expect(counts).toMatchObject({ total: 2, applied: 2 })
  const { items } = await readJson<{ items: object[] }>(
    await system.call('/v1/stock/again/movements'),
  )
  expect(items).toMatchObject([
    { line: 3, reason: '+44 113' },
    { line: 2, reason: '=1+1' },
    { line: 1, reason: null },
  ])
})

test('what a spreadsheet would run is text, whoever sent it, and comes back as it was', async () => {
  const skus = ['=cmd()', '+1', '-1+1', '@sum', "'=quoted", "''", '-5', 'plain']
  const lines = skus.map((sku) => ({ type: 'adjustment', sku, location: 'Leeds', quantity: -1 }))
  const id = await completed(await system.post({ lines }))
  const report = await read(id)
  expect(rowsOf(report).map(({ sku }) => sku)).toEqual([
    ...["'=cmd()", "'+1", "'-1+1", "'@sum", "''=quoted", "''", '-5', 'plain'],
  ])
  await completed(await upload(system, report.replaceAll(',-1,', ',1,')))
  for (const sku of skus) expect(await onHand(sku), sku).toEqual({ Leeds: '1' })
})

test("another tenant's report is as absent as one that never was", async () => {
  const id = await completed(
    await system.post({ lines: [{ type: 'adjustment', sku: 'a', location: 'b', quantity: 1 }] }),
  )
  const { key } = await system.createKey({ tenant: 'another' })
  expect((await system.callAs(key, `/v1/batches/${id}/report.csv`)).status).toBe(404)
  expect((await system.call(`/v1/batches/${id}/report.csv?outcome=lost`)).status).toBe(400)
})

import { expect, test } from 'vitest'
import { csvLines } from '../uploads/csv-lines.ts'

const options = { negate: undefined } as const

/** Read in pieces of so many bytes. */
const read = async (csv: string, size: number, given = {}) => {
  const bytes = Buffer.from(csv)
  async function* pieces() {
    for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
  }
  const lines = []
  for await (const page of csvLines(pieces(), { ...options, ...given })) lines.push(...page)
  return lines
}

const csv = [
  'sku,location,quantity,reason,unitValue,type,toLocation,countedAt',
  'Ä"1",Köln,1,"a ""b""\r\nc",2.55,,,',
  '"x, y",Leeds,-2.5,,,,,',
  '',
  '東,Leeds,3,📦,,transfer,Paris,',
  'z,Leeds,4,,,count,,2020-01-01T00:00:00Z',
  'z,Leeds,x,,,,,',
].join('\r\n')

test('however the bytes are cut, the lines are the same', async () => {
  const whole = await read(csv, 1_000_000)
  expect(whole).toEqual([
    expect.objectContaining({ number: 1, invalid: expect.anything() }),
    { number: 2, line: { type: 'adjustment', sku: 'x, y', location: 'Leeds', quantity: '-2.5' } },
    {
      number: 3,
      line: {
        ...{ type: 'transfer', sku: '東', location: 'Leeds', toLocation: 'Paris' },
        ...{ quantity: '3', reason: '📦' },
      },
    },
    {
      number: 4,
      line: {
        ...{ type: 'count', sku: 'z', location: 'Leeds', quantity: '4' },
        countedAt: '2020-01-01T00:00:00Z',
      },
    },
    {
      number: 5,
      invalid: {
        detail: expect.stringMatching(/^line 8 of the file: quantity must be a decimal/),
        given: { type: 'adjustment', sku: 'z', location: 'Leeds', quantity: 'x' },
      },
    },
  ])
  for (const size of [1, 2, 3, 7, 64]) expect(await read(csv, size)).toEqual(whole)
})

test('the other sign is for adjustments alone, and nothing stays nothing', async () => {
  const body = [
    'sku,location,quantity,type,countedAt',
    'a,b,1,,',
    'a,b,-2.5,,',
    'a,b,0,,',
    'a,b,0.0,adjustment,',
    'a,b,5,count,2020-01-01T00:00:00Z',
  ].join('\n')
  const lines = await read(body, 1_000, { negate: 'true' })
  expect(lines.map((it) => 'line' in it && 'quantity' in it.line && it.line.quantity)).toEqual([
    ...['-1', '2.5', '0', '0.0', '5'],
  ])
})

test('what the query says is for lines that do not say it, and that may', async () => {
  const body = 'sku,location,quantity,type\na,,1,\na,c,1,transfer\na,c,1,count\n'
  const given = {
    ...{ location: 'b', reason: 'r', toLocation: 'd', dates: 'mdy', timeZone: 'Europe/Paris' },
    ...{ observedAt: '7/2/2011', countedAt: '12/1/2010 8:26' },
  }
  const common = { sku: 'a', quantity: '1', reason: 'r' }
  const observedAt = '2011-07-01T22:00:00.000Z'
  expect(await read(body, 1_000, given)).toEqual([
    { number: 1, line: { ...common, type: 'adjustment', location: 'b', observedAt } },
    {
      number: 2,
      line: { ...common, type: 'transfer', location: 'c', toLocation: 'd', observedAt },
    },
    {
      number: 3,
      line: { ...common, type: 'count', location: 'c', countedAt: '2010-12-01T07:26:00.000Z' },
    },
  ])
})

import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { line, maxBatchLines, recogniseBatch, submitBatch } from '../src/index.ts'
import { isPlainLine } from '../src/plain-line.ts'
import { anyBody } from './arbitrary-bodies.ts'
import { now } from './arbitrary-values.ts'
import { exampleLine, exampleTransfer } from './example-batch.ts'

// Both sides must read one clock, or an instant at the limit would be judged by two.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date'], now })
})
afterAll(() => {
  vi.useRealTimers()
})

const nowText = new Date(now).toISOString()
const runs = 20_000

test('a batch is recognised exactly when submitBatch accepts it, and read the same', () => {
  let accepted = 0
  fc.assert(
    fc.property(anyBody, (body) => {
      const told = submitBatch.safeParse(body)
      expect(recogniseBatch(body)).toStrictEqual(told.data)
      if (told.success) accepted++
    }),
    { numRuns: runs },
  )
  expect(accepted / runs).toBeGreaterThan(0.2)
  expect(accepted / runs).toBeLessThan(0.8)
})

test('a plain line is one that zod accepts and leaves as it is', () => {
  const seen = { plain: 0, onlyRight: 0, wrong: 0 }
  fc.assert(
    fc.property(anyBody, (body) => {
      const lines = (body as { lines?: unknown } | null)?.lines
      for (const given of Array.isArray(lines) ? lines : []) {
        const told = line.safeParse(given)
        const isPlain = isPlainLine(given, nowText)
        if (isPlain) expect(told.data).toStrictEqual(given)
        seen[isPlain ? 'plain' : told.success ? 'onlyRight' : 'wrong']++
      }
    }),
    { numRuns: runs },
  )
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(runs * 0.1)
})

test('whatever character a name holds, and wherever: it is plain only if zod accepts it', () => {
  let plain = 0
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code)
    for (const sku of [`${character}a`, `a${character}`, `a${character}b`]) {
      const given = { ...exampleLine, sku }
      if (!isPlainLine(given, nowText)) continue
      plain++
      expect(line.safeParse(given).success, JSON.stringify(sku)).toBe(true)
    }
  }
  expect(plain).toBeGreaterThan(3 * 0x1000)
})

test('every line of the example day is plain', async () => {
  const lines = await readExampleDay()
  expect(lines).toHaveLength(3_108)
  expect(lines.filter((given) => !isPlainLine(given, nowText))).toEqual([])
})

test.for([1, 250, maxBatchLines])('a batch of %i lines is recognised', (length) => {
  const lines = Array.from({ length }, () => exampleLine)
  expect(recogniseBatch({ lines })).toEqual({
    mode: 'apply',
    negativeStock: 'reject',
    priority: 'normal',
    verify: false,
    lines,
  })
})

test.for([0, maxBatchLines + 1])('a batch of %i lines is not', (length) => {
  const lines = Array.from({ length }, () => exampleLine)
  expect(recogniseBatch({ lines })).toBeUndefined()
})

test('one line that is right but not plain leaves its batch recognised', () => {
  const lines = [exampleLine, { ...exampleTransfer, toLocation: '東京' }]
  expect(isPlainLine(lines[1], nowText)).toBe(false)
  expect(recogniseBatch({ lines })?.lines).toEqual(lines)
})

test('a field that is there without a value is not plain, since it may hide an unknown one', () => {
  expect(isPlainLine({ ...exampleLine, reason: undefined }, nowText)).toBe(false)
})

/** Descriptions may hold commas: what is wanted stands before and behind them. */
const readExampleDay = async () => {
  const file = new URL('../../../examples/online-retail/2010-12-01.csv', import.meta.url)
  const [, ...rows] = (await readFile(file, 'utf8')).trim().split(/\r?\n/)
  return rows.map((row) => {
    const fields = row.split(',')
    const [quantity, observedAt = '', , , location] = fields.slice(-5)
    return {
      type: 'adjustment',
      sku: fields[1],
      location,
      quantity: 0 - Number(quantity),
      reason: 'sale',
      reference: fields[0],
      observedAt: new Date(`${observedAt.replace(' ', 'T')}Z`).toISOString(),
    }
  })
}

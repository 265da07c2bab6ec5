import {
  type AcceptedChunk,
  applyChunk,
  InvalidCursorError,
  listDeadLetterGroups,
  listDeadLetters,
  markChunkDead,
  openLedger,
  recordFailedAttempt,
  splitChunk,
  startRedrive,
} from '@inventoryrpa/ledger'
import { expect, test } from 'vitest'
import { batchState } from './batch-state.ts'
import { adjustment, sync } from './lines.ts'
import { cursorOf, foreignCursors, readAll } from './read-all.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()

type Death = { sku?: string; code?: string; location?: string; source?: string; message?: string }

/** A batch of one line that is dead. */
const bury = async (tenantId: number, death: Death = {}) => {
  const { sku = 'A', code = 'poison', location = 'Leeds', source, message = 'it threw' } = death
  const { id, chunks } = await submit(ledger.db, tenantId, [adjustment(sku, 1, { location })])
  const [chunk] = chunks as [AcceptedChunk]
  await markChunkDead(ledger.db, chunk, { code, message, source })
  return { id, chunk, letterId: `${id}-${chunk.chunk}` }
}
const attempt = (chunk: AcceptedChunk, more: { attempt?: number; message?: string } = {}) =>
  recordFailedAttempt(ledger.db, chunk, {
    attempt: 1,
    class: 'transient',
    code: 'poison',
    message: 'it threw',
    worker: 'worker-1',
    startedAt: new Date('2026-01-01T00:00:00Z'),
    seconds: 0.5,
    ...more,
  })
const groupsOf = (tenantId: number, limit = 1_000) =>
  readAll((cursor) => listDeadLetterGroups(ledger.db, tenantId, { limit, cursor }))
const lettersOf = (tenantId: number, limit = 1_000) =>
  readAll((cursor) => listDeadLetters(ledger.db, tenantId, { limit, cursor }))

test('dead letters of one error, place and source are a group, with the message of the latest', async () => {
  const tenantId = await ledger.newTenant()
  await bury(tenantId, { sku: 'A', message: 'first' })
  await bury(tenantId, { sku: 'B', message: 'last' })
  await bury(tenantId, { location: 'Paris & co' })
  await bury(tenantId, { source: 'backup' })
  await bury(tenantId, { code: 'other' })
  const { items } = await groupsOf(tenantId)
  expect(items.map(({ fingerprint, code, lines }) => [fingerprint, code, lines])).toEqual([
    ['other:Leeds:ledger', 'other', 1],
    ['poison:Leeds:backup', 'poison', 1],
    ['poison:Leeds:ledger', 'poison', 2],
    ['poison:Paris%20%26%20co:ledger', 'poison', 1],
  ])
  expect(items[2]).toMatchObject({ message: 'last' })
  expect(items[2]?.firstDeadAt.localeCompare(items[2].lastDeadAt)).toBeLessThanOrEqual(0)
})

test('groups and letters are read page by page, each once, whatever the size of a page', async () => {
  const tenantId = await ledger.newTenant()
  for (const code of ['b', 'B', 'a', 'ä', 'z', 'A']) {
    await bury(tenantId, { code, sku: code })
    await bury(tenantId, { code, sku: `${code} 2` })
  }
  const groups = (await groupsOf(tenantId)).items
  expect(groups).toHaveLength(6)
  const letters = (await lettersOf(tenantId)).items
  expect(letters.map((letter) => letter.sku)).toHaveLength(12)
  for (const limit of [1, 2, 5, 6, 12]) {
    expect((await groupsOf(tenantId, limit)).items).toEqual(groups)
    expect((await lettersOf(tenantId, limit)).items).toEqual(letters)
  }
})

test('a cursor of another list is refused', async () => {
  const tenantId = await ledger.newTenant()
  const id = crypto.randomUUID()
  for (const cursor of [...foreignCursors, cursorOf(id), cursorOf(1, id)]) {
    const page = { limit: 10, cursor }
    await expect(listDeadLetters(ledger.db, tenantId, page), cursor).rejects.toThrow(
      InvalidCursorError,
    )
  }
  // A group's cursor is a text, and any text may have been a fingerprint.
  const texts = [cursorOf('not-a-uuid')]
  const foreign = foreignCursors.filter((cursor) => !texts.includes(cursor))
  for (const cursor of [...foreign, cursorOf(1), cursorOf(id, 1)]) {
    const page = { limit: 10, cursor }
    await expect(listDeadLetterGroups(ledger.db, tenantId, page), cursor).rejects.toThrow(
      InvalidCursorError,
    )
  }
})

test('a cursor of the right form that nobody answered leads nowhere', async () => {
  const tenantId = await ledger.newTenant()
  const { id } = await bury(tenantId)
  for (const chunk of [Number.MAX_SAFE_INTEGER, 2 ** 31, -(2 ** 40)]) {
    const cursor = cursorOf(id, chunk)
    const { items } = await listDeadLetters(ledger.db, tenantId, { limit: 10, cursor })
    expect(items).toHaveLength(chunk > 0 ? 0 : 1)
  }
})

test('a dead letter tells its line, its error and the attempts of all chunks it was split from', async () => {
  const tenantId = await ledger.newTenant()
  const lines = ['A', 'B', 'C'].map((sku) => adjustment(sku, 1, { reference: `of ${sku}` }))
  const { id, chunks } = await submit(ledger.db, tenantId, lines)
  const [whole] = chunks as [AcceptedChunk]
  await attempt(whole, { attempt: 1 })
  await attempt(whole, { attempt: 2 })
  const split = async (chunk: AcceptedChunk) => {
    const result = await splitChunk(ledger.db, chunk)
    if (result.outcome !== 'split') throw new Error('not split')
    return result.parts as [AcceptedChunk, AcceptedChunk]
  }
  const [pair, single] = await split(whole)
  await attempt(single, { attempt: 7 })
  const [good, bad] = await split(pair)
  await applyChunk(ledger.db, good)
  await attempt(bad, { attempt: 3, message: 'the last one' })
  await markChunkDead(ledger.db, bad, { code: 'poison', message: 'the last one' })
  const { items } = await lettersOf(tenantId)
  const letter = { id: `${id}-${bad.chunk}`, batchId: id, line: 2, sku: 'B', reference: 'of B' }
  expect(items).toMatchObject([{ ...letter, code: 'poison', message: 'the last one' }])
  expect(items[0]?.attempts.map((it) => it.attempt)).toEqual([1, 2, 3])
  expect(items[0]?.attempts[0]).toEqual({
    attempt: 1,
    class: 'transient',
    code: 'poison',
    message: 'it threw',
    worker: 'worker-1',
    startedAt: '2026-01-01T00:00:00.000Z',
    seconds: 0.5,
  })
})

test('the attempts before and after a redrive are both in the history', async () => {
  const tenantId = await ledger.newTenant()
  const { chunk } = await bury(tenantId)
  await attempt(chunk, { attempt: 3 })
  await startRedrive(ledger.db, tenantId, { limit: 1, canary: 0 })
  expect((await lettersOf(tenantId)).items).toEqual([])
  await attempt(chunk, { attempt: 1 })
  await markChunkDead(ledger.db, chunk, { code: 'poison', message: 'again' })
  const { items } = await lettersOf(tenantId)
  expect(items[0]?.attempts.map((it) => it.attempt)).toEqual([3, 1])
})

test('a dead line that needs the stock source is told like any other', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(ledger.db, tenantId, [sync('A', { reference: 'of A' })])
  const error = { code: 'SOURCE_WRONG_SCHEMA', message: 'nonsense', source: 'primary' }
  await markChunkDead(ledger.db, chunks[0] as AcceptedChunk, error)
  expect(await batchState(ledger, tenantId, id)).toMatchObject({ state: 'completed', dead: 1 })
  expect((await lettersOf(tenantId)).items).toMatchObject([
    { line: 1, type: 'sync', sku: 'A', location: 'Leeds', reference: 'of A' },
  ])
  const [group] = (await groupsOf(tenantId)).items
  expect(group?.fingerprint).toBe('SOURCE_WRONG_SCHEMA:Leeds:primary')
})

test('a message with what PostgreSQL cannot keep is kept without it', async () => {
  const tenantId = await ledger.newTenant()
  const message = 'bad byte \u0000 in \ud800'
  const { chunk } = await bury(tenantId, { message, code: 'no\u0000code\ud800' })
  await attempt(chunk, { message })
  const kept = { message: 'bad byte \ufffd in \ufffd' }
  expect((await lettersOf(tenantId)).items).toMatchObject([{ ...kept, attempts: [kept] }])
  expect((await groupsOf(tenantId)).items).toMatchObject([{ ...kept, code: 'no\ufffdcode\ufffd' }])
})

test('what died before there were fingerprints is listed, grouped and redriven too', async () => {
  const tenantId = await ledger.newTenant()
  const { id } = await bury(tenantId)
  await ledger.admin.query(
    'update chunks set fingerprint = null, error_code = null where batch_id = $1',
    [id],
  )
  const [letter] = (await lettersOf(tenantId)).items
  expect(letter).toMatchObject({ fingerprint: expect.any(String), code: expect.any(String) })
  const [group] = (await groupsOf(tenantId)).items
  expect(group).toMatchObject({ fingerprint: letter?.fingerprint, code: letter?.code, lines: 1 })
  const { fingerprint } = letter as { fingerprint: string }
  const { chunks } = await startRedrive(ledger.db, tenantId, { limit: 9, canary: 0, fingerprint })
  expect(chunks).toHaveLength(1)
})

test('a full page needs one connection, and does not wait for its own', async () => {
  const tenantId = await ledger.newTenant()
  const skus = Array.from({ length: 1_000 }, (_, index) => adjustment(`S${index}`, 1))
  const { id, chunks } = await submit(ledger.db, tenantId, skus, { maxChunkLines: 1 })
  for (const chunk of chunks) {
    await markChunkDead(ledger.db, chunk, { code: 'poison', message: 'dead' })
  }
  await attempt(chunks[500] as AcceptedChunk)
  const narrow = openLedger({
    databaseUrl: ledger.url,
    maxConnections: 1,
    connectTimeoutMs: 10_000,
  })
  let queries = 0
  const counted = narrow.db.withPlugin({
    transformQuery: ({ node }) => {
      queries += 1
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const { items } = await listDeadLetters(counted, tenantId, { limit: 1_000, batchId: id })
  await narrow.close()
  expect(items.map((letter) => letter.line)).toEqual(skus.map((_, index) => index + 1))
  expect(items.flatMap((letter) => letter.attempts)).toHaveLength(1)
  expect(items[500]?.attempts).toHaveLength(1)
  expect(queries).toBeLessThan(10)
})

test("another tenant's dead letters are not listed", async () => {
  const tenantId = await ledger.newTenant()
  const { id, letterId } = await bury(tenantId)
  const stranger = await ledger.newTenant()
  for (const filter of [{}, { batchId: id }, { id: letterId }]) {
    const own = await listDeadLetters(ledger.db, tenantId, { limit: 10, ...filter })
    expect(own.items).toHaveLength(1)
    const foreign = await listDeadLetters(ledger.db, stranger, { limit: 10, ...filter })
    expect(foreign.items).toEqual([])
  }
  expect((await groupsOf(stranger)).items).toEqual([])
})

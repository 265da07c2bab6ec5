import { levelKey } from '@inventoryrpa/inventory'
import { expect, test } from 'vitest'
import { addressOf, key, keyText, openClient, openPair, startSource } from './sources.ts'

const minute = 60_000
const ago = (ms: number) => new Date(Date.now() - ms).toISOString()

test('a backup that lags beyond the limit is stale as a whole, and says so', async () => {
  const { primary, backup, source } = await openPair()
  primary.fail({ mode: '500' })
  backup.fail({ mode: 'lag', lagMs: 16 * minute })
  const reading = await source.read([key])
  expect(reading).toMatchObject({
    outcome: 'stale',
    source: 'backup',
    failedOverBecause: { code: 'http_error' },
  })
  if (reading.outcome !== 'stale') return
  expect(Date.now() - reading.asOf.getTime()).toBeGreaterThan(15 * minute)
  expect(reading.levels.get(keyText)).toMatchObject({ onHand: 2500n, stale: true })
})

test('a backup that lags by less is believed', async () => {
  const { primary, backup, source } = await openPair()
  primary.fail({ mode: '500' })
  backup.fail({ mode: 'lag', lagMs: 14 * minute })
  expect(await source.read([key])).toMatchObject({ outcome: 'read', source: 'backup' })
})

test('of an answer with fresh and stale levels each is told apart', async () => {
  const old = { ...key, sku: 'old' }
  const unknown = { ...key, sku: 'unknown' }
  const server = await startSource([
    { ...key, onHand: '1' },
    { ...old, onHand: '2', asOf: ago(20 * minute) },
  ])
  const { source } = openClient({ primary: addressOf(server) })
  const reading = await source.read([key, old, unknown])
  expect(reading).toMatchObject({ outcome: 'read' })
  if (reading.outcome !== 'read') return
  const told = [...reading.levels].map(([text, { onHand, stale }]) => [text, onHand, stale])
  expect(told).toEqual([
    [keyText, 1000n, false],
    [levelKey('old', key.location), 2000n, true],
    [levelKey('unknown', key.location), null, false],
  ])
})

test('a primary whose every level is stale is followed by the backup', async () => {
  const { primary, source } = await openPair()
  primary.fail({ mode: 'lag', lagMs: 60 * minute })
  expect(await source.read([key])).toMatchObject({
    outcome: 'read',
    source: 'backup',
    failedOverBecause: { code: 'stale' },
  })
})

test('of two that are stale the later one is taken, the primary where the backup fails', async () => {
  const { primary, backup, source } = await openPair()
  primary.fail({ mode: 'lag', lagMs: 60 * minute })
  backup.fail({ mode: 'lag', lagMs: 30 * minute })
  expect(await source.read([key])).toMatchObject({ outcome: 'stale', source: 'backup' })
  backup.fail({ mode: 'lag', lagMs: 90 * minute })
  expect(await source.read([key])).toMatchObject({ outcome: 'stale', source: 'primary' })
  backup.fail({ mode: '500' })
  expect(await source.read([key])).toMatchObject({ outcome: 'stale', source: 'primary' })
})

test('staleness opens no breaker: the source did answer', async () => {
  const { primary, source } = await openPair({
    breaker: { opensAfter: { consecutive: 1 }, openMs: 60_000 },
  })
  primary.fail({ mode: 'lag', lagMs: 60 * minute })
  for (let n = 0; n < 3; n += 1) await source.read([key])
  expect(primary.requests().received).toBe(3)
})

test('how old is too old can be set', async () => {
  const server = await startSource()
  server.fail({ mode: 'lag', lagMs: 5_000 })
  const { source } = openClient({ primary: addressOf(server), staleAfterMs: 1_000 })
  expect(await source.read([key])).toMatchObject({ outcome: 'stale' })
})

import { levelKey } from '@inventoryrpa/inventory'
import { until } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { addressOf, key, keyText, openClient, openPair, startSource } from './sources.ts'

const manyKeys = Array.from({ length: 2_100 }, (_, index) => ({ ...key, sku: `sku-${index}` }))

test('what is read changes with the source', async () => {
  const server = await startSource()
  const { source } = openClient({ primary: addressOf(server) })
  const onHand = async () => {
    const reading = await source.read([key])
    return reading.outcome === 'read' ? reading.levels.get(keyText)?.onHand : reading
  }
  expect(await onHand()).toBe(2500n)
  server.setLevels([{ ...key, onHand: -1 }])
  expect(await onHand()).toBe(-1000n)
  server.setLevels([])
  expect(await onHand()).toBeNull()
})

test('a source that says something else is believed, and the reading says which one it was', async () => {
  const { primary, backup, source } = await openPair()
  backup.fail({ mode: 'lie' })
  const told = async () => {
    const reading = await source.read([key])
    return reading.outcome === 'read' && [reading.source, reading.levels.get(keyText)?.onHand]
  }
  expect(await told()).toEqual(['primary', 2500n])
  primary.fail({ mode: '500' })
  expect(await told()).toEqual(['backup', 3500n])
})

test('a level asked for twice is asked for once', async () => {
  const server = await startSource()
  const { source } = openClient({ primary: addressOf(server) })
  const reading = await source.read([key, { ...key }, key])
  expect(reading.outcome === 'read' && reading.levels.size).toBe(1)
})

test('asking for nothing is an error', async () => {
  const { source } = openClient({ primary: { url: 'http://127.0.0.1:1' } })
  await expect(source.read([])).rejects.toThrow(RangeError)
})

test('more than 500 levels are read in several requests, so many at once and not more', async () => {
  const server = await startSource(manyKeys.map((it, index) => ({ ...it, onHand: index })))
  server.fail({ mode: 'slow', delayMs: 40 })
  const { source } = openClient({ primary: addressOf(server), maxParallel: 2 })
  const reading = await source.read(manyKeys)
  expect(reading).toMatchObject({ outcome: 'read', source: 'primary' })
  if (reading.outcome !== 'read') return
  expect(reading.levels.size).toBe(manyKeys.length)
  expect(reading.levels.get(levelKey('sku-2099', key.location))?.onHand).toBe(2_099_000n)
  expect(server.requests()).toMatchObject({ received: 5, abandoned: 0, mostAtOnce: 2 })
})

test('when one of several requests fails, all levels are the backup’s', async () => {
  const { primary, backup, source } = await openPair({ maxParallel: 4 })
  primary.fail({ mode: 'flapping', every: 2 })
  const reading = await source.read(manyKeys)
  expect(reading).toMatchObject({ source: 'backup', failedOverBecause: { code: 'http_error' } })
  expect(reading.outcome === 'read' && reading.levels.size).toBe(manyKeys.length)
  expect(backup.requests().received).toBe(5)
})

test('connections are kept and used again', async () => {
  const server = await startSource()
  const { source } = openClient({ primary: addressOf(server) })
  for (let n = 0; n < 20; n += 1) await source.read([key])
  expect(server.requests()).toMatchObject({ received: 20 })
  // A second one, where undici has not yet seen that the first is free.
  expect(server.requests().connections).toBeLessThanOrEqual(2)
})

test('when both are down, what each failed with is told, and when to try again', async () => {
  const { primary, backup, source, events } = await openPair()
  primary.fail({ mode: '500' })
  backup.fail({ mode: 'reset' })
  expect(await source.read([key])).toEqual({
    outcome: 'unavailable',
    retryAfterMs: 1_000,
    primary: { code: 'http_error', status: 500, detail: 'status 500' },
    backup: { code: 'reset', detail: expect.any(String) },
  })
  expect(events.filter(({ type }) => type === 'failover')).toEqual([])
})

test('when both are down for long, the breakers say when to try again', async () => {
  const { primary, backup, source } = await openPair({
    breaker: { opensAfter: { consecutive: 2 }, openMs: 30_000 },
  })
  for (const server of [primary, backup]) server.fail({ mode: '500' })
  await source.read([key])
  expect(source.availability()).toEqual({ available: true })
  const reading = await source.read([key])
  const { retryAfterMs } = reading as { retryAfterMs: number }
  expect(retryAfterMs).toBeGreaterThan(29_000)
  expect(retryAfterMs).toBeLessThanOrEqual(30_000)
  expect(source.availability()).toMatchObject({ available: false })
})

test('closing waits for what is being read, from the backup too', async () => {
  const { primary, backup, source } = await openPair({ primaryDeadlineMs: 100 })
  primary.fail({ mode: 'hang' })
  backup.fail({ mode: 'slow', delayMs: 100 })
  const reading = source.read([key])
  await until(() => primary.requests().received === 1, { everyMs: 5, describe: 'a request' })
  await source.close()
  expect(await reading).toMatchObject({ outcome: 'read', source: 'backup' })
  expect(backup.requests().abandoned).toBe(0)
})

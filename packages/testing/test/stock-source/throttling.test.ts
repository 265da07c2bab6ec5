import { until } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { addressOf, key, openClient, openPair, startSource } from './sources.ts'

const secondsFromNow = (seconds: number): string =>
  new Date(Date.now() + seconds * 1_000).toUTCString()

const throttles: ['429' | '503', string, () => string][] = [
  ['429', 'seconds', () => '1'],
  ['503', 'seconds', () => '1'],
  ['429', 'a date', () => secondsFromNow(2)],
  ['503', 'a date', () => secondsFromNow(2)],
]

test.for(throttles)(
  'after %s with Retry-After as %s it is left alone so long',
  async ([mode, , header]) => {
    const server = await startSource()
    server.fail({ mode, retryAfter: header() })
    const { source } = openClient({ primary: addressOf(server) })
    const asked = performance.now()
    expect(await source.read([key])).toMatchObject({
      outcome: 'unavailable',
      primary: { code: 'throttled', status: Number(mode) },
    })
    expect(source.availability()).toMatchObject({ available: false })
    server.fail({ mode: 'none' })
    expect(await source.read([key])).toMatchObject({ primary: { code: 'throttled' } })
    expect(server.requests().received).toBe(1)
    await until(() => source.availability().available, { everyMs: 5, describe: 'its time over' })
    // A date has whole seconds only.
    expect(performance.now() - asked).toBeGreaterThan(900)
    expect(await source.read([key])).toMatchObject({ outcome: 'read' })
    expect(server.requests().received).toBe(2)
  },
)

test('of more than a minute only a minute is granted', async () => {
  const server = await startSource()
  server.fail({ mode: '429', retryAfter: '86400' })
  const { source } = openClient({ primary: addressOf(server) })
  const reading = await source.read([key])
  expect(reading).toMatchObject({ primary: { code: 'throttled', retryAfterMs: 60_000 } })
  const { retryAfterMs } = reading as { retryAfterMs: number }
  expect(retryAfterMs).toBeGreaterThan(59_000)
  expect(retryAfterMs).toBeLessThanOrEqual(60_000)
})

test('the other source is asked meanwhile', async () => {
  const { primary, source } = await openPair()
  primary.fail({ mode: '429', retryAfter: '60' })
  for (let n = 0; n < 3; n += 1) {
    expect(await source.read([key])).toMatchObject({
      source: 'backup',
      failedOverBecause: { code: 'throttled' },
    })
  }
  expect(primary.requests().received).toBe(1)
  expect(source.availability()).toEqual({ available: true })
})

test('when both are away, the one that comes back first says when', async () => {
  const { primary, backup, source } = await openPair()
  primary.fail({ mode: '429', retryAfter: '50' })
  backup.fail({ mode: '503', retryAfter: '20' })
  const reading = await source.read([key])
  expect(reading).toMatchObject({
    outcome: 'unavailable',
    primary: { code: 'throttled' },
    backup: { code: 'throttled' },
  })
  const { retryAfterMs } = reading as { retryAfterMs: number }
  expect(retryAfterMs).toBeGreaterThan(19_000)
  expect(retryAfterMs).toBeLessThanOrEqual(20_000)
  expect(source.availability()).toMatchObject({ available: false })
})

import { until } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { key, openPair, slackMs } from './sources.ts'

const failover = { mode: 'hedged', hedgeAfterMs: 40 } as const

test('of a slow primary and a quick backup, the backup is taken and the primary aborted', async () => {
  const { primary, source, events } = await openPair({ failover })
  primary.fail({ mode: 'hang' })
  const start = performance.now()
  expect(await source.read([key])).toMatchObject({
    outcome: 'read',
    source: 'backup',
    failedOverBecause: { code: 'outpaced' },
  })
  expect(performance.now() - start).toBeLessThan(slackMs)
  await until(() => primary.requests().abandoned === 1, { describe: 'the primary aborted' })
  const outcomes = events.flatMap((it) => (it.type === 'request' ? [[it.source, it.outcome]] : []))
  expect(outcomes).toEqual([
    ['backup', 'answered'],
    ['primary', 'outpaced'],
  ])
  expect(events).toContainEqual({ type: 'failover', code: 'outpaced' })
})

test('a primary that answers in time leaves the backup alone', async () => {
  const { backup, source } = await openPair({ failover: { mode: 'hedged', hedgeAfterMs: 5_000 } })
  expect(await source.read([key])).toMatchObject({ source: 'primary' })
  expect(backup.requests().received).toBe(0)
})

test('a primary that fails before that is followed by the backup at once', async () => {
  const { primary, source } = await openPair({ failover: { mode: 'hedged', hedgeAfterMs: 5_000 } })
  primary.fail({ mode: '500' })
  const start = performance.now()
  expect(await source.read([key])).toMatchObject({ failedOverBecause: { code: 'http_error' } })
  expect(performance.now() - start).toBeLessThan(slackMs)
})

test('a primary that is quicker after all is taken, and the backup aborted without blame', async () => {
  const breaker = { opensAfter: { consecutive: 1 }, openMs: 60_000 }
  const { primary, backup, source, events } = await openPair({ failover, breaker })
  primary.fail({ mode: 'slow', delayMs: 120 })
  backup.fail({ mode: 'hang' })
  const reading = await source.read([key])
  expect(reading).toMatchObject({ source: 'primary' })
  expect(reading).not.toHaveProperty('failedOverBecause')
  await until(() => backup.requests().abandoned === 1, { describe: 'the backup aborted' })
  expect(events.filter(({ type }) => type === 'breaker')).toEqual([])
})

test('a backup that fails first does not end the wait for the primary', async () => {
  const { primary, backup, source } = await openPair({ failover })
  primary.fail({ mode: 'slow', delayMs: 120 })
  backup.fail({ mode: '500' })
  expect(await source.read([key])).toMatchObject({ source: 'primary' })
})

test('a stale backup does not end the wait for the primary', async () => {
  const { primary, backup, source } = await openPair({ failover })
  primary.fail({ mode: 'slow', delayMs: 120 })
  backup.fail({ mode: 'lag', lagMs: 3_600_000 })
  expect(await source.read([key])).toMatchObject({ outcome: 'read', source: 'primary' })
})

test('a primary that always hangs is soon not waited for any more', async () => {
  const breaker = { opensAfter: { consecutive: 3 }, openMs: 60_000 }
  const { primary, source } = await openPair({ failover, breaker })
  primary.fail({ mode: 'hang' })
  const code = async () => {
    const reading = await source.read([key])
    return reading.outcome === 'read' && reading.failedOverBecause?.code
  }
  expect(await code()).toBe('outpaced')
  await until(async () => (await code()) === 'circuit_open', { describe: 'the breaker open' })
  const { received } = primary.requests()
  expect(received).toBeLessThanOrEqual(4)
  expect(await code()).toBe('circuit_open')
  expect(primary.requests().received).toBe(received)
})

test('a probe runs to its end although the backup was quicker, and closes the breaker', async () => {
  const breaker = { opensAfter: { consecutive: 1 }, openMs: 100 }
  const { primary, source, events } = await openPair({ failover, breaker })
  primary.fail({ mode: 'hang' })
  await source.read([key])
  const was = (state: string) => () =>
    events.some((event) => event.type === 'breaker' && event.state === state)
  await until(was('open'), { everyMs: 5, describe: 'the breaker open' })
  primary.fail({ mode: 'slow', delayMs: 150 })
  const probed = async () => {
    const reading = await source.read([key])
    return reading.outcome === 'read' && reading.failedOverBecause?.code === 'outpaced'
  }
  await until(probed, { everyMs: 5, describe: 'the probe outpaced' })
  await until(was('closed'), { everyMs: 5, describe: 'the breaker closed' })
  expect(primary.requests().abandoned).toBe(1)
})

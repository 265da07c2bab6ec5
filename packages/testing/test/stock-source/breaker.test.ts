import { until } from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { addressOf, key, openClient, openPair, startSource } from './sources.ts'

const openMs = 300
const breaker = { opensAfter: { consecutive: 3 }, openMs }

const untilAvailable = (source: ReturnType<typeof openClient>['source']) =>
  until(() => source.availability().available, { everyMs: 5, describe: 'the source available' })

test('after so many failures in a row the primary is not asked any more', async () => {
  const { primary, source, events } = await openPair({ breaker: { ...breaker, openMs: 60_000 } })
  primary.fail({ mode: '500' })
  for (const code of ['http_error', 'http_error', 'http_error', 'circuit_open', 'circuit_open']) {
    expect(await source.read([key])).toMatchObject({
      source: 'backup',
      failedOverBecause: { code },
    })
  }
  expect(primary.requests().received).toBe(3)
  expect(events).toContainEqual({ type: 'breaker', source: 'primary', state: 'open' })
  expect(source.availability()).toEqual({ available: true })
})

test('a success in between starts the count again', async () => {
  const { primary, source } = await openPair({ breaker })
  for (const mode of ['500', '500', 'none', '500', '500', 'none'] as const) {
    primary.fail({ mode })
    await source.read([key])
  }
  expect(primary.requests().received).toBe(6)
})

test('of a share of the last reads, every other failure opens it too', async () => {
  const { primary, source, events } = await openPair({
    breaker: { opensAfter: { failureRatio: 0.4, ofLast: 10 }, openMs },
  })
  primary.fail({ mode: 'flapping', every: 2 })
  for (let n = 0; n < 11; n += 1) await source.read([key])
  const states = events.filter(({ type }) => type === 'breaker')
  expect(states).toEqual([{ type: 'breaker', source: 'primary', state: 'open' }])
})

test('an open breaker costs less than a millisecond', async () => {
  const server = await startSource()
  server.fail({ mode: 'hang' })
  const { source } = openClient({
    primary: addressOf(server, 50),
    breaker: { opensAfter: { consecutive: 1 }, openMs: 60_000 },
  })
  await source.read([key])
  const times: number[] = []
  for (let n = 0; n < 200; n += 1) {
    const start = performance.now()
    expect(await source.read([key])).toMatchObject({
      primary: { code: 'circuit_open', detail: expect.stringContaining('last with timeout') },
    })
    times.push(performance.now() - start)
  }
  const median = times.toSorted((a, b) => a - b)[100]
  expect(median).toBeLessThan(1)
  expect(server.requests().received).toBe(1)
})

test('once its time is over, one probe goes through, and the breaker closes', async () => {
  const { primary, source, events } = await openPair({ breaker })
  primary.fail({ mode: '500' })
  for (let n = 0; n < 3; n += 1) await source.read([key])
  // Half-open is seen through the primary alone: the backup makes the pair available all the time.
  primary.fail({ mode: 'slow', delayMs: 100 })
  const probing = async () => {
    const readings = await Promise.all(Array.from({ length: 20 }, () => source.read([key])))
    return readings.filter((it) => it.outcome === 'read' && it.source === 'primary').length
  }
  const answeredByPrimary = await until(probing, { everyMs: 5, describe: 'a probe' })
  expect(answeredByPrimary).toBe(1)
  expect(primary.requests().received).toBe(4)
  expect(events.filter(({ type }) => type === 'breaker')).toEqual(
    ['open', 'half-open', 'closed'].map((state) => ({ type: 'breaker', source: 'primary', state })),
  )
  expect(await source.read([key])).toMatchObject({ source: 'primary' })
})

test('a probe that fails opens it again', async () => {
  const server = await startSource()
  server.fail({ mode: '500' })
  const { source, events } = openClient({ primary: addressOf(server), breaker })
  for (let n = 0; n < 3; n += 1) await source.read([key])
  for (let probes = 1; probes <= 2; probes += 1) {
    expect(source.availability()).toMatchObject({ available: false })
    await untilAvailable(source)
    expect(await source.read([key])).toMatchObject({ primary: { code: 'http_error' } })
    expect(server.requests().received).toBe(3 + probes)
  }
  const states = events.flatMap((event) => (event.type === 'breaker' ? [event.state] : []))
  expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'open'])
})

test('while the probe is under way nothing else is available', async () => {
  const server = await startSource()
  server.fail({ mode: '500' })
  const { source } = openClient({ primary: addressOf(server), breaker })
  for (let n = 0; n < 3; n += 1) await source.read([key])
  server.fail({ mode: 'slow', delayMs: 50 })
  await untilAvailable(source)
  const probe = source.read([key])
  expect(source.availability()).toMatchObject({ available: false })
  expect(await source.read([key])).toMatchObject({ primary: { code: 'circuit_open' } })
  expect(await probe).toMatchObject({ outcome: 'read' })
  expect(source.availability()).toEqual({ available: true })
})

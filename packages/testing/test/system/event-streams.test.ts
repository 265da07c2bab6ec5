import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '@inventoryrpa/local'
import {
  createTestDatabase,
  startMigratedPostgres,
  startTestSystem,
  submitLines,
  until,
} from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { type Follower, follow } from '../api/event-source.ts'
import { opsPassword, opsUser, spawnTestApp } from '../api/spawn-test-app.ts'
import { startFreshSystem } from './fresh-system.ts'

const linesOf = (batches: number, name: string) =>
  Array.from({ length: batches * 10 }, (_, index) => ({
    type: 'adjustment',
    sku: `${name}-${index}`,
    location: 'here',
    quantity: 1,
  }))

/** A client that comes back whenever its stream is over, with the id of the last event it was told. */
const followForEver = (urls: () => string, apiKey: string) => {
  const streams: Follower[] = []
  let stopped = false
  const run = async () => {
    let lastEventId: string | undefined
    while (!stopped) {
      try {
        const stream = await follow(urls(), apiKey, { lastEventId })
        streams.push(stream)
        await stream.ended
        lastEventId = stream.lastEventId
      } catch {
        await delay(50)
      }
    }
  }
  void run()
  onTestFinished(() => {
    stopped = true
  })
  return {
    events: () => streams.flatMap(({ events }) => events),
    connections: () => streams.length,
    /** Loses its connection, and comes back. */
    lose: () => streams.at(-1)?.close(),
  }
}

for (const kind of ['redis', 'postgres'] as const) {
  test(`nothing is lost or told twice across API restarts and replicas under load, queue in ${kind}`, async () => {
    const { system, database, redis } = await startFreshSystem(kind, {
      env: { EVENT_HEARTBEAT_MS: '1000' },
    })
    const port = String(await freePort())
    const startOther = () =>
      spawnTestApp('api', {
        DATABASE_URL: database.url,
        REDIS_URL: redis?.url,
        QUEUE_PREFIX: redis?.prefix,
        PORT: port,
        OPS_USER: opsUser,
        OPS_PASSWORD: opsPassword,
      })
    let other = startOther()
    await other.ready
    const here = `${system.apiUrl}/v1/events`
    const there = `http://127.0.0.1:${port}/v1/events`
    let turn = 0
    const clients = [
      followForEver(() => here, system.apiKey),
      followForEver(() => there, system.apiKey),
      followForEver(() => [here, there][turn++ % 2] ?? here, system.apiKey),
    ]
    const connected = (times: number) =>
      until(() => clients.slice(1).every((it) => it.connections() >= times), {
        describe: `connected ${times} times`,
      })
    await connected(1)
    await until(() => clients[0]?.connections() === 1, { describe: 'the first connected' })

    const submitting = submitLines(system, linesOf(600, 'one'), { bodyLines: 10 })
    await until(() => clients.every((it) => it.events().length > 20), { describe: 'first events' })
    clients[2]?.lose()
    other.kill('SIGKILL')
    await other.exited
    other = startOther()
    await other.ready
    clients[2]?.lose()
    await connected(2)
    const exit = await other.stop({ graceMs: 9_000 })
    expect(exit).toEqual({ code: 0, signal: null, killed: false })
    other = startOther()
    await connected(3)
    const ids = (await submitting).toSorted()

    for (const client of clients) {
      const told = () => client.events().map(({ data }) => data.data.id)
      await until(() => told().length >= ids.length, { timeoutMs: 30_000, describe: 'all events' })
      expect(told().toSorted()).toEqual(ids)
      const numbers = client.events().map(({ id }) => Number(id))
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      for (const { data } of client.events()) {
        const { total, ...parts } = data.data.counts
        expect(Object.values(parts).reduce((sum, it) => sum + it, 0)).toBe(total)
      }
    }
  }, 120_000)
}

test('while PostgreSQL is away a stream stays open, and goes on when it is back', async () => {
  const postgres = await startMigratedPostgres()
  onTestFinished(() => postgres.stop())
  const system = await startTestSystem({
    databaseUrl: postgres.url(),
    workers: 1,
    env: { EVENT_HEARTBEAT_MS: '200' },
  })
  onTestFinished(() => system.stop())
  const stream = await follow(`${system.apiUrl}/v1/events`, system.apiKey)
  await submitLines(system, linesOf(1, 'before'))
  await until(() => stream.events.length === 1, { describe: 'the first event' })

  await postgres.kill()
  const comments = stream.comments.length
  await until(() => stream.comments.length > comments + 5, { describe: 'comments all the same' })
  const started = performance.now()
  expect((await system.call('/v1/events')).status).toBe(503)
  expect(performance.now() - started).toBeLessThan(1_500)
  await postgres.restart()
  await submitLines(system, linesOf(1, 'after'))
  await until(() => stream.events.length === 2, {
    timeoutMs: 30_000,
    describe: 'the event after the outage',
  })
}, 90_000)

test('a system with open streams stops within its grace', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const system = await startTestSystem({ databaseUrl: database.url, workers: 1 })
  onTestFinished(() => system.stop())
  const streams = await Promise.all(
    Array.from({ length: 20 }, () => follow(`${system.apiUrl}/v1/events`, system.apiKey)),
  )
  const exit = await system.api.stop({ graceMs: 9_000 })
  expect(exit).toEqual({ code: 0, signal: null, killed: false })
  expect(await Promise.all(streams.map(({ ended }) => ended))).toEqual(streams.map(() => 'ended'))
}, 60_000)

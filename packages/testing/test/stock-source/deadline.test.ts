import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { addressOf, key, openClient, shortDeadlineMs, slackMs, startSource } from './sources.ts'

/** Accepts connections and never says a word. */
const startSilence = async () => {
  const server = createServer((socket) => socket.on('error', () => {}))
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await listening
  onTestFinished(() => {
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

const untilFailed = async (url: string, token = 'token') => {
  const { source } = openClient({ primary: { url, token, deadlineMs: shortDeadlineMs } })
  const start = performance.now()
  const reading = await source.read([key])
  return { reading, ms: performance.now() - start }
}

test.for([
  { mode: 'hang' },
  { mode: 'slow', delayMs: 60_000 },
  { mode: 'trickle', everyMs: 20 },
] as const)('%j costs the deadline, not more', async (fault) => {
  const server = await startSource()
  server.fail(fault)
  const { url, token } = addressOf(server)
  const { reading, ms } = await untilFailed(url, token)
  expect(reading).toMatchObject({ outcome: 'unavailable', primary: { code: 'timeout' } })
  expect(ms).toBeGreaterThan(shortDeadlineMs - 10)
  expect(ms).toBeLessThan(shortDeadlineMs + slackMs)
})

test.for(['http', 'https'])('so does silence after connecting by %s', async (scheme) => {
  const { reading, ms } = await untilFailed(`${scheme}://127.0.0.1:${await startSilence()}`)
  expect(reading).toMatchObject({ outcome: 'unavailable', primary: { code: 'timeout' } })
  expect(ms).toBeLessThan(shortDeadlineMs + slackMs)
})

test('so do many parts of which each would be in time', async () => {
  const server = await startSource()
  server.fail({ mode: 'slow', delayMs: shortDeadlineMs / 2 })
  const { source } = openClient({ primary: addressOf(server, shortDeadlineMs), maxParallel: 1 })
  const keys = Array.from({ length: 2_000 }, (_, index) => ({ ...key, sku: `sku-${index}` }))
  const start = performance.now()
  expect(await source.read(keys)).toMatchObject({ primary: { code: 'timeout' } })
  expect(performance.now() - start).toBeLessThan(shortDeadlineMs + slackMs)
})

test('the backup has a deadline of its own', async () => {
  const [primary, backup] = [await startSource(), await startSource()]
  for (const server of [primary, backup]) server.fail({ mode: 'hang' })
  const { source } = openClient({
    primary: addressOf(primary, 100),
    backup: addressOf(backup, 200),
  })
  const start = performance.now()
  expect(await source.read([key])).toMatchObject({
    outcome: 'unavailable',
    primary: { code: 'timeout' },
    backup: { code: 'timeout' },
  })
  expect(performance.now() - start).toBeGreaterThan(290)
  expect(performance.now() - start).toBeLessThan(300 + slackMs)
})

test('nobody listening is told at once', async () => {
  const { reading, ms } = await untilFailed('http://127.0.0.1:1')
  expect(reading).toMatchObject({
    primary: { code: 'connection_failed', detail: 'ECONNREFUSED' },
  })
  expect(ms).toBeLessThan(slackMs)
})

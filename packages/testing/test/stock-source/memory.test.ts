import { expect, test } from 'vitest'
import { addressOf, key, openClient, startSource } from './sources.ts'

const megabyte = 1024 * 1024

test.for(['bomb', 'endless'] as const)(
  'of an answer like %s no more than the cap is ever in memory',
  { timeout: 60_000 },
  async (mode) => {
    const server = await startSource()
    server.fail({ mode })
    // Time enough to unpack all of the bomb's gigabyte.
    const primary = addressOf(server, 20_000)
    const { source } = openClient({
      primary,
      breaker: { opensAfter: { consecutive: 100 }, openMs: 1 },
    })
    await source.read([key])
    const before = process.memoryUsage.rss()
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss() - before)
    }, 2)
    for (let n = 0; n < 5; n += 1) {
      const reading = await source.read([key])
      expect(reading).toMatchObject({ outcome: 'unavailable', primary: { code: 'too_large' } })
    }
    clearInterval(watch)
    expect(most).toBeLessThan(100 * megabyte)
  },
)

test('the cap is on decompressed bytes, and exact', async () => {
  const server = await startSource()
  const size = JSON.stringify({
    asOf: new Date().toISOString(),
    items: [{ ...key, onHand: '2.5' }],
  }).length
  const primary = addressOf(server)
  const enough = openClient({ primary, maxBodyBytes: size })
  const tooLittle = openClient({ primary, maxBodyBytes: size - 1 })
  expect(await enough.source.read([key])).toMatchObject({ outcome: 'read' })
  expect(await tooLittle.source.read([key])).toMatchObject({ primary: { code: 'too_large' } })
})

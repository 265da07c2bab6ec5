import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { addressOf, key, openClient, openPair, shortDeadlineMs, startSource } from './sources.ts'

const portOf = ({ url }: { url: string }) => new URL(url).port

test.for([
  '127.0.0.1',
  'localhost',
  '[::ffff:127.0.0.1]',
  '[::1]',
  '2130706433',
  '0x7f.1',
  '0.0.0.0',
])('a source at %s is refused, and nothing reaches it', async (host) => {
  const server = await startSource()
  const { source } = openClient({
    primary: { ...addressOf(server), url: `http://${host}:${portOf(server)}` },
    allowPrivateAddresses: false,
  })
  expect(await source.read([key])).toMatchObject({
    outcome: 'unavailable',
    primary: { code: 'address_refused' },
  })
  expect(server.requests().received).toBe(0)
})

test('a private address is used where that is allowed, by name and by IPv6 too', async () => {
  const server = await startSource()
  for (const host of ['localhost', '[::ffff:127.0.0.1]']) {
    const url = `http://${host}:${portOf(server)}`
    const { source } = openClient({ primary: { ...addressOf(server), url } })
    expect(await source.read([key])).toMatchObject({ outcome: 'read' })
  }
})

test('a metadata address is refused even where private ones are allowed', async () => {
  const { source } = openClient({ primary: { url: 'http://169.254.169.254/latest' } })
  expect(await source.read([key])).toMatchObject({ primary: { code: 'address_refused' } })
})

test('a redirect is not followed, not even to a source that would answer', async () => {
  const [server, target] = [await startSource(), await startSource()]
  server.fail({ mode: 'redirect', to: `${target.url}/v1/on-hand` })
  const { source } = openClient({ primary: addressOf(server) })
  expect(await source.read([key])).toMatchObject({
    primary: { code: 'redirect_refused', status: 307 },
  })
  expect(target.requests().received).toBe(0)
})

test('a wrong token is told as such', async () => {
  const server = await startSource()
  const { source } = openClient({ primary: { ...addressOf(server), token: 'wrong' } })
  expect(await source.read([key])).toMatchObject({ primary: { code: 'unauthorized', status: 401 } })
})

test.for(['ftp://stock.example', 'https://user:canary@stock.example', 'stock.example', ''])(
  'a client for %j cannot be made, and does not say why in its words',
  (url) => {
    expect(() => openClient({ primary: { url } })).toThrow(TypeError)
    expect(() => openClient({ primary: { url } })).not.toThrow(/canary/)
  },
)

test('a credential is in no reading and in no event, not even when the source gives it back', async () => {
  const { primary, backup, source, events } = await openPair({
    primaryDeadlineMs: shortDeadlineMs,
    breaker: { opensAfter: { consecutive: 100 }, openMs: 1_000 },
  })
  const modes = ['echo', '500', '429', 'reset', 'garbage', 'wrong-schema', 'hang', 'none'] as const
  const told: unknown[] = [source]
  for (const mode of modes) {
    primary.fail({ mode })
    backup.fail({ mode: mode === 'hang' ? '500' : mode })
    told.push(await source.read([key]))
  }
  expect(primary.requests().received).toBeGreaterThanOrEqual(modes.length)
  const text = inspect([told, events], { depth: null, showHidden: true })
  expect(text).toContain('wrong_schema')
  for (const { token } of [primary, backup]) expect(text).not.toContain(token)
})

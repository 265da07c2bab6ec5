import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { levelKey } from '@inventoryrpa/inventory'
import { expect, onTestFinished, test } from 'vitest'
import { key, openClient } from './sources.ts'

const folder = join(import.meta.dirname, '../../../../examples/stock-source')
const token = 'example-token'

/** The example as its users start it. */
const startExample = async () => {
  const args = [join(folder, 'main.ts'), '--csv', join(folder, 'levels.csv'), '--port', '0']
  const child = spawn(process.execPath, args, { env: { STOCK_SOURCE_TOKEN: token } })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { child, url: String(line).split('\n')[0] ?? '' }
}

const request = (url: string, method: string, body?: unknown, bearer = token) =>
  fetch(url, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test('the example serves its CSV, takes faults and levels, and stops when asked to', async () => {
  const { child, url } = await startExample()
  const { source } = openClient({ primary: { url, token, deadlineMs: 10_000 } })
  const unknown = { sku: 'POST', location: 'France' }
  const old = { sku: '71053', location: 'EIRE' }
  const reading = await source.read([key, unknown, old])
  if (reading.outcome !== 'read') expect.fail(reading.outcome)
  const levelOf = ({ sku, location }: typeof key) => reading.levels.get(levelKey(sku, location))
  expect(levelOf(key)).toMatchObject({ onHand: 2_474_000n, stale: false })
  expect(levelOf(unknown)).toMatchObject({ onHand: null })
  expect(levelOf(old)).toMatchObject({ onHand: -3_000n, stale: true })

  expect((await request(`${url}/levels`, 'PUT', [{ ...key, onHand: 1 }])).status).toBe(204)
  expect(await source.read([key])).toMatchObject({ outcome: 'read' })
  expect((await request(`${url}/faults`, 'PUT', { mode: '500' })).status).toBe(204)
  expect(await source.read([key])).toMatchObject({ primary: { code: 'http_error' } })
  expect(await (await request(`${url}/requests`, 'GET')).json()).toMatchObject({ received: 3 })

  expect((await request(`${url}/faults`, 'PUT', { mode: 'nonsense' })).status).toBe(400)
  expect((await request(`${url}/v1/on-hand`, 'POST', { items: [] })).status).toBe(400)
  expect((await request(`${url}/faults`, 'PUT', { mode: 'none' }, 'wrong')).status).toBe(401)

  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FaultProxy, startProxy } from '../../src/index.ts'

let echo: Server
let proxy: FaultProxy
let client: Socket

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket))
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startProxy({ targetPort: (echo.address() as { port: number }).port })
  client = connect(proxy.port, '127.0.0.1')
  await once(client, 'connect')
})
afterEach(async () => {
  client.destroy()
  await proxy.close()
  echo.close()
})

async function echoed(text: string): Promise<{ text: string; ms: number }> {
  const start = performance.now()
  client.write(text)
  let received = ''
  while (received.length < text.length) received += (await once(client, 'data'))[0]
  return { text: received, ms: performance.now() - start }
}

test('bytes pass unchanged, however many', async () => {
  const text = 'abcdefgh'.repeat(500_000)
  expect((await echoed(text)).text).toBe(text)
})

test('latency delays both ways and can be taken away again', async () => {
  proxy.latency(100)
  expect((await echoed('slow')).ms).toBeGreaterThanOrEqual(195)
  proxy.latency(0)
  expect((await echoed('fast')).ms).toBeLessThan(100)
})

test('reset breaks open connections with ECONNRESET and admits new ones', async () => {
  await echoed('open')
  proxy.reset()
  const [error] = await once(client, 'error')
  expect(error.code).toBe('ECONNRESET')
  client = connect(proxy.port, '127.0.0.1')
  expect((await echoed('again')).text).toBe('again')
})

test('a black hole swallows silently and lets go of what it holds when it ends', async () => {
  proxy.blackHole(true)
  const answer = echoed('held')
  const silence = new Promise((resolve) => setTimeout(resolve, 200, 'silence'))
  expect(await Promise.race([answer, silence])).toBe('silence')
  proxy.blackHole(false)
  expect((await answer).text).toBe('held')
})

test('a forgotten connection stays silent for good, and new ones work', async () => {
  await echoed('open')
  proxy.forget()
  const answer = echoed('lost')
  const silence = new Promise((resolve) => setTimeout(resolve, 200, 'silence'))
  expect(await Promise.race([answer, silence])).toBe('silence')
  client = connect(proxy.port, '127.0.0.1')
  expect((await echoed('again')).text).toBe('again')
})

test('the target going away closes the connection', async () => {
  await echoed('open')
  client.end()
  await once(client, 'close')
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AppProcess, spawnApp } from '../src/app-process.ts'
import { keepRunning } from '../src/keep-running.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-app-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function app(source: string, readyTimeoutMs = 10_000): Promise<AppProcess> {
  const entry = join(folder, `${crypto.randomUUID()}.mjs`)
  await writeFile(entry, source)
  return spawnApp({ name: 'app', entry, env: {}, readyTimeoutMs })
}
const serving = `process.send({ type: 'ready', opsUrl: 'http://ops' }); setInterval(() => {}, 1000)`

test('an app that ends before it is ready gives its last words', async () => {
  const { ready } = await app(`console.error('PORT must be a number'); process.exit(3)`)
  await expect(ready).rejects.toThrow(/app ended before it was ready \(exit code 3\):\nPORT must/)
})

test('an app that never reports ready is killed', async () => {
  const silent = await app('setInterval(() => {}, 1000)', 300)
  await expect(silent.ready).rejects.toThrow('was not ready after 0.3 s')
  expect(await silent.exited).toEqual({ code: null, signal: 'SIGKILL' })
})

test('stop lets an app finish within the grace', async () => {
  const polite = await app(`process.on('SIGTERM', () => process.exit(0)); ${serving}`)
  expect(await polite.ready).toEqual({ type: 'ready', opsUrl: 'http://ops' })
  expect(await polite.stop({ graceMs: 10_000 })).toEqual({ code: 0, signal: null, killed: false })
})

test('stop kills an app that outstays the grace, and says so', async () => {
  const stubborn = await app(`process.on('SIGTERM', () => {}); ${serving}`)
  await stubborn.ready
  const exit = await stubborn.stop({ graceMs: 100 })
  expect(exit).toEqual({ code: null, signal: 'SIGKILL', killed: true })
})

test('what ends unasked is reported and started again; what was stopped is not', async () => {
  const reports: string[] = []
  const back = Promise.withResolvers<void>()
  let starts = 0
  const kept = await keepRunning({
    name: 'app',
    delays: { first: 10, last: 20, calm: 60_000 },
    onReport: (sentence) => {
      reports.push(sentence)
      if (sentence === 'app runs again') back.resolve()
    },
    start: async () => {
      starts += 1
      if (starts === 2) throw new Error('not yet')
      const started = await app(serving)
      await started.ready
      return { ...started, stop: () => started.stop({ graceMs: 1000 }) }
    },
  })
  kept.current().kill('SIGKILL')
  await back.promise
  await kept.stop()
  expect(reports).toEqual([
    'app ended unexpectedly (SIGKILL); starting it again in 0.01 s',
    'app did not start: not yet',
    'app ended unexpectedly (SIGKILL); starting it again in 0.02 s',
    'app runs again',
  ])
  expect(starts).toBe(3)
})

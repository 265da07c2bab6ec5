import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  getBatch,
  submitLines,
  type TestSystem,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { breakSku } from './break-sku.ts'
import { startFreshSystem } from './fresh-system.ts'

const total = 10_000
const line = (sku: string) => ({ type: 'adjustment', sku, location: 'here', quantity: 1 })
const linesWith = (sku: string) =>
  Array.from({ length: total }, (_, index) => line(index === 4_321 ? sku : `sku-${index % 700}`))

type Letter = {
  id: string
  line: number
  sku: string
  fingerprint: string
  code: string
  attempts: { attempt: number; class: string; code: string; worker: string; startedAt: string }[]
}

const get = async <T>(system: TestSystem, path: string) =>
  (await (await system.call(path)).json()) as T

const redriven = async (system: TestSystem, body: object) => {
  const answer = await system.call('/v1/dead-letters/redrive', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(202)
  return (await answer.json()) as { id: string; redriven: number }
}

/** Starts another worker for each that ends, as a supervisor would. */
const supervise = (system: TestSystem) => {
  let isOver = false
  let deaths = 0
  const watch = async (worker: TestSystem['api']) => {
    await worker.exited
    if (isOver) return
    deaths += 1
    await watch(await system.addWorker())
  }
  for (const worker of system.workers) void watch(worker)
  return {
    deaths: () => deaths,
    end: () => {
      isOver = true
    },
  }
}

const untilOneIsDead = (system: TestSystem, id: string, timeoutMs: number) =>
  until(
    async () => {
      const { counts } = await getBatch(system, id)
      return counts.pending === 0 && counts.dead === 1 && counts
    },
    { timeoutMs, everyMs: 100, describe: 'one dead line and none pending' },
  )

for (const backend of ['redis', 'postgres'] as const) {
  test(`one line of 10,000 that fails is one dead letter with its history, and is applied once redriven, on ${backend}`, async () => {
    const { system, database } = await startFreshSystem(backend)
    const { heal, disconnect } = await breakSku(database.url)
    onTestFinished(disconnect)

    const [id = ''] = await submitLines(system, linesWith('poison'), { bodyLines: total })
    expect(await untilOneIsDead(system, id, 60_000)).toMatchObject({ applied: total - 1 })

    const groups = await get<{ items: object[] }>(system, '/v1/dead-letters')
    const fingerprint = 'P0001:here:ledger'
    expect(groups.items).toMatchObject([{ fingerprint, code: 'P0001', lines: 1 }])
    const { items } = await get<{ items: Letter[] }>(
      system,
      `/v1/dead-letters/lines?fingerprint=${fingerprint}`,
    )
    expect(items).toMatchObject([{ line: 4_322, sku: 'poison', code: 'P0001' }])
    const attempts = items[0]?.attempts ?? []
    // Those of the whole chunk, then those of the line alone.
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2, 3])
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({ class: 'transient', code: 'P0001' })
      expect(attempt.worker).not.toBe('')
    }

    const still = await redriven(system, { fingerprint })
    expect(still.redriven).toBe(1)
    await untilOneIsDead(system, id, 30_000)

    await heal()
    const [one, other] = await Promise.all([
      redriven(system, { fingerprint }),
      redriven(system, { fingerprint }),
    ])
    expect(one.redriven + other.redriven).toBe(1)
    await untilCompleted(system, id, 30_000)
    expect((await getBatch(system, id)).counts).toMatchObject({
      applied: total,
      dead: 0,
      pending: 0,
    })
    expect(await get(system, '/v1/stock?sku=poison')).toMatchObject({
      items: [{ onHand: '1', version: 1 }],
    })
    expect(await get(system, '/v1/dead-letters')).toEqual({ items: [], nextCursor: null })
  }, 180_000)

  test(`one line of 10,000 that ends the process is one dead letter, its neighbours are applied, on ${backend}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deadly-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'deadly')
    await writeFile(file, '')
    const { system } = await startFreshSystem(backend, {
      env: {
        DEADLY_WHILE: file,
        NODE_OPTIONS: `--import=${join(import.meta.dirname, 'abort-on-deadly-main.ts')}`,
      },
    })
    const supervisor = supervise(system)
    onTestFinished(supervisor.end)

    const [id = ''] = await submitLines(system, linesWith('deadly'), { bodyLines: total })
    expect(await untilOneIsDead(system, id, 200_000)).toMatchObject({ applied: total - 1 })
    // Both workers may have it among others at once, and then one after the other alone.
    expect(supervisor.deaths()).toBeGreaterThanOrEqual(2)
    expect(supervisor.deaths()).toBeLessThanOrEqual(5)
    const { items } = await get<{ items: Letter[] }>(system, '/v1/dead-letters/lines')
    expect(items).toMatchObject([{ line: 4_322, sku: 'deadly', code: 'PROCESS_DIED' }])
    expect(items[0]?.attempts.length).toBeGreaterThanOrEqual(3)

    await rm(file)
    await redriven(system, { id: items[0]?.id })
    await untilCompleted(system, id, 30_000)
    expect((await getBatch(system, id)).counts).toMatchObject({
      applied: total,
      dead: 0,
      pending: 0,
    })
  }, 300_000)
}

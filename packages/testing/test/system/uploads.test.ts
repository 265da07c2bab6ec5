import { join } from 'node:path'
import {
  checkLedger,
  onlineRetailQuery,
  repeatOnlineRetail,
  untilCompleted,
  upload,
  watchMemory,
} from '@inventoryrpa/testing'
import { expect, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

const days = join(import.meta.dirname, '../../../../examples/online-retail')

for (const [backend, lineCount] of [
  ['redis', 150_000],
  ['postgres', 20_000],
] as const) {
  test(`${lineCount} lines of real trading stream in, in bounded memory, and end as their plain sum, on ${backend}`, async () => {
    const { system, database } = await startFreshSystem(backend)
    const file = await repeatOnlineRetail(days, lineCount)
    const processes = [system.api, ...system.workers]
    const watches = await Promise.all(processes.map(({ pid }) => watchMemory(pid)))

    const answer = await upload(system, file.csv(), { query: String(onlineRetailQuery) })
    expect(answer.status, await answer.clone().text()).toBe(202)
    const { id } = (await answer.json()) as { id: string }
    await untilCompleted(system, id, 180_000)

    for (const watch of watches) {
      const { before, peak } = await watch.stop()
      expect(peak - before).toBeLessThan(100)
    }
    expect(await checkLedger(database.url, file.lines)).toEqual([])

    const report = await system.call(`/v1/batches/${id}/report.csv?outcome=applied`)
    let newlines = 0
    for await (const chunk of report.body as unknown as AsyncIterable<Uint8Array>) {
      newlines += chunk.reduce((sum, byte) => sum + (byte === 0x0a ? 1 : 0), 0)
    }
    expect(newlines).toBe(lineCount + 1)
  }, 300_000)
}

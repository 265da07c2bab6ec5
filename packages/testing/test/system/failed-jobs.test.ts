import { join } from 'node:path'
import {
  findChromium,
  getBatch,
  openBrowser,
  submitLines,
  type TestSystem,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'
import { breakSku } from './break-sku.ts'
import { startFreshSystem } from './fresh-system.ts'

const chromium = findChromium()

const line = (sku: string) => ({ type: 'adjustment', sku, location: 'here', quantity: 1 })

type BoardJob = {
  id: string
  attempts: number
  failedReason: string
  stacktrace: string[]
  externalUrl?: { href: string }
}

const failedJobs = async (system: TestSystem): Promise<BoardJob[]> => {
  const basic = Buffer.from(`${system.opsUser}:${system.opsPassword}`).toString('base64')
  const answer = await fetch(
    `${system.opsUrl}/queues/api/queues?activeQueue=inventory-express&status=failed&page=1`,
    { headers: { authorization: `Basic ${basic}` } },
  )
  const { queues } = (await answer.json()) as { queues: { jobs: BoardJob[] }[] }
  return queues.flatMap(({ jobs }) => jobs)
}

for (const backend of ['redis', 'postgres'] as const) {
  test(`a job that always fails is in the failed list after 3 attempts, and applied once retried, on ${backend}`, async ({
    skip,
  }) => {
    if (chromium === undefined) return skip('there is no Chromium on this machine')
    const attempts: { batchId: string; time: string }[] = []
    const { system, database } = await startFreshSystem(backend, {
      onLog: (_process, text) => {
        const entry = text.startsWith('{') ? JSON.parse(text) : {}
        if (entry.msg === 'chunk not applied') attempts.push(entry)
      },
    })
    const { heal, disconnect } = await breakSku(database.url)
    onTestFinished(disconnect)

    const [poison = ''] = await submitLines(system, [line('poison')])
    const neighbours = await submitLines(
      system,
      Array.from({ length: 20 }, (_, i) => line(`sku-${i}`)),
      {
        bodyLines: 1,
      },
    )
    for (const id of neighbours) await untilCompleted(system, id, 5_000)
    expect(attempts.filter(({ batchId }) => batchId === poison).length).toBeLessThan(3)

    const job = await until(
      async () => (await failedJobs(system)).find(({ id }) => id === `${poison}-0`),
      { timeoutMs: 15_000, describe: 'the job in the failed list' },
    )
    expect(job.attempts).toBe(3)
    expect(job.failedReason).toContain('this SKU cannot be moved')
    expect(job.stacktrace.length).toBeGreaterThan(0)
    const times = attempts
      .filter(({ batchId }) => batchId === poison)
      .map(({ time }) => Date.parse(time))
    expect(times).toHaveLength(3)
    const [first = 0, second = 0, third = 0] = times
    expect(second - first).toBeGreaterThanOrEqual(700)
    expect(third - second).toBeGreaterThan(second - first)
    expect((await getBatch(system, poison)).counts).toMatchObject({
      dead: 1,
      pending: 0,
      applied: 0,
    })

    const browser = await openBrowser(chromium, {
      username: system.opsUser,
      password: system.opsPassword,
    })
    onTestFinished(() => browser.close())
    const page = await browser.context.newPage()
    await page.goto(`${system.opsUrl}/queues/queue/inventory-express?status=failed`)
    await page.getByText(`${poison}-0`).first().waitFor()
    await page.getByText('this SKU cannot be moved').first().waitFor()
    await page.screenshot({
      path: join(import.meta.dirname, `../../../../.data/screenshots/failed-${backend}.png`),
    })

    await heal()
    // The job's own buttons have pictures for names; the list's "Retry all" comes before them.
    await page.locator('button:has(svg.lucide-refresh-cw)').last().click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await until(async () => (await getBatch(system, poison)).counts.applied === 1, {
      describe: 'the retried line applied',
    })
    expect((await getBatch(system, poison)).counts).toMatchObject({ dead: 0, pending: 0 })
    await page.goto(`${system.opsUrl}/batches/${poison}`)
    expect(await page.textContent('body')).toContain('"state":"completed"')
  }, 120_000)
}

import { startStockSource } from '@inventoryrpa/example-stock-source'
import { submitLines, until, untilCompleted } from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

type Batch = { id: string; reference: string | null; state: string; counts: { total: number } }

for (const backend of ['redis', 'postgres'] as const) {
  test(`a schedule syncs every level it covers, once a turn, also after the queue forgot it, on ${backend}`, async () => {
    const levels = ['A', 'B'].map((sku) => ({ sku, location: 'here', onHand: '5' }))
    const source = await startStockSource({ levels })
    onTestFinished(() => source.close())
    const { system, database, redis } = await startFreshSystem(backend, {
      env: {
        STOCK_SOURCE_URL: source.url,
        STOCK_SOURCE_TOKEN: source.token,
        STOCK_SOURCE_ALLOW_PRIVATE: 'true',
      },
    })
    const line = { type: 'adjustment', quantity: 1 }
    const [first = ''] = await submitLines(system, [
      { ...line, sku: 'A', location: 'here' },
      { ...line, sku: 'B', location: 'here' },
      { ...line, sku: 'A', location: 'elsewhere' },
    ])
    await untilCompleted(system, first)
    const put = (body: object) =>
      system.call('/v1/schedules/nightly', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const syncs = async () => {
      const answer = await system.call('/v1/batches?limit=100')
      const { items } = (await answer.json()) as { items: Batch[] }
      return items.filter((it) => it.reference === 'schedule nightly')
    }
    const untilSynced = (batches: number) =>
      until(
        async () => {
          const done = (await syncs()).filter((it) => it.state === 'completed')
          return done.length >= batches && done
        },
        { timeoutMs: 30_000, everyMs: 100, describe: `${batches} scheduled batches` },
      )

    // Every 60 s from the first turn on, which is now: none of the further ones comes in this test.
    expect((await put({ everySeconds: 60, location: 'here' })).status).toBe(200)
    expect((await put({ everySeconds: 60, location: 'here' })).status).toBe(200)
    expect(await untilSynced(1)).toMatchObject([{ counts: { total: 2 } }])
    expect(await (await system.call('/v1/stock?sku=B')).json()).toMatchObject({
      items: [{ onHand: '5' }],
    })

    if (redis) await redis.cleanup()
    else {
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      onTestFinished(() => client.end())
      await client.query('delete from bullmq.job; delete from bullmq.scheduler')
    }
    // The relay tells the queue again, which begins with a turn.
    await untilSynced(2)

    expect((await put({ everySeconds: 60, cron: '0 3 * * *' })).status).toBe(400)
    expect((await put({ cron: '0 3 * * *', timeZone: 'Mars/Olympus' })).status).toBe(400)
    const answer = await put({ cron: '0 3 * * *', timeZone: 'Europe/London' })
    expect(await answer.json()).toMatchObject({ cron: '0 3 * * *', everySeconds: null })
    const deleted = () => system.call('/v1/schedules/nightly', { method: 'DELETE' })
    expect((await deleted()).status).toBe(204)
    expect((await deleted()).status).toBe(404)
  }, 120_000)
}

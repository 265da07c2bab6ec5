import { LedgerUnavailableError, openLedger } from '@inventoryrpa/ledger'
import { createTestDatabase, startProxy, until } from '@inventoryrpa/testing'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'

test('a connection that dies in silence ends its transaction as an outage, and the next one works', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const url = new URL(database.url)
  const proxy = await startProxy({ targetPort: Number(url.port) })
  onTestFinished(() => proxy.close())
  url.host = `127.0.0.1:${proxy.port}`
  const ledger = openLedger({ databaseUrl: url.href, maxConnections: 1, statementTimeoutMs: 500 })
  let underWay = 0
  const db = ledger.watched(() => {
    underWay += 1
    return () => {
      underWay -= 1
    }
  })

  const work = db.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx)
    proxy.forget()
    await sql`select 2`.execute(trx)
  })
  const failed = expect(work).rejects.toBeInstanceOf(LedgerUnavailableError)
  await until(() => underWay === 1, { describe: 'the lost statement under way' })
  // One time-out, not another one for the rollback.
  const started = performance.now()
  await failed
  expect(performance.now() - started).toBeLessThan(8_000)
  expect(underWay).toBe(0)
  await sql`select 3`.execute(db)
}, 30_000)

import { once } from 'node:events'
import { createServer } from 'node:net'
import { applyChunk, findBatch, LedgerUnavailableError, openLedger } from '@inventoryrpa/ledger'
import { until } from '@inventoryrpa/testing'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { adjustment } from './lines.ts'
import { submit, useLedger } from './test-ledger.ts'

const ledger = useLedger()

const unusedPort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

test('when nothing listens on its port, PostgreSQL is unavailable', async () => {
  const url = `postgres://user:secret@127.0.0.1:${await unusedPort()}/stock`
  const away = openLedger({ databaseUrl: url })
  const error = await findBatch(away.db, 1, crypto.randomUUID()).catch((e) => e)
  expect(error).toBeInstanceOf(LedgerUnavailableError)
  expect(error.code).toBe('LEDGER_UNAVAILABLE')
  expect(String(error)).not.toContain('secret')
  await away.close()
})

test('a port that accepts and never answers is unavailable within the time given', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const away = openLedger({
    databaseUrl: `postgres://u@127.0.0.1:${port}/x`,
    connectTimeoutMs: 100,
  })
  await expect(sql`select 1`.execute(away.db)).rejects.toThrow(LedgerUnavailableError)
  await away.close()
  server.close()
})

test('a backend terminated in mid-statement is unavailable, and the pool works again afterwards', async () => {
  const tenantId = await ledger.newTenant()
  const { id, chunks } = await submit(ledger.db, tenantId, [adjustment('A', 1)])
  const [chunk] = chunks
  if (!chunk) throw new Error('no chunk')
  const { admin } = ledger
  await admin.query('begin')
  await admin.query('select 1 from chunks where batch_id = $1 for update', [id])
  const applying = applyChunk(ledger.db, chunk).catch((error) => error)
  await until(
    async () => {
      const { rowCount } = await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rowCount === 1
    },
    { describe: 'the statement to wait for the chunk', everyMs: 10 },
  )
  expect(await applying).toBeInstanceOf(LedgerUnavailableError)
  await admin.query('rollback')
  expect(await applyChunk(ledger.db, chunk)).toMatchObject({ own: 'settled', applied: 1 })
})

test('connections terminated while idle are replaced, and their errors told', async () => {
  const told: Error[] = []
  const own = openLedger({
    databaseUrl: ledger.url,
    applicationName: 'idle-victim',
    connectTimeoutMs: 10_000,
    onError: (error) => told.push(error),
  })
  await sql`select 1`.execute(own.db)
  await ledger.admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'idle-victim'",
  )
  await until(() => told.length > 0, { describe: 'the broken connection to be told', everyMs: 5 })
  expect((await sql`select 1 as one`.execute(own.db)).rows).toEqual([{ one: 1 }])
  await own.close()
})

test('a transaction ended by the server while its process was frozen is unavailable', async () => {
  const outcome = ledger.db.transaction().execute(async (trx) => {
    await sql`set local idle_in_transaction_session_timeout = 20`.execute(trx)
    // Frozen: nothing is read from the socket until the next statement is already written.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    await sql`select 1`.execute(trx)
  })
  await expect(outcome).rejects.toThrow(LedgerUnavailableError)
  expect((await sql`select 1 as one`.execute(ledger.db)).rows).toEqual([{ one: 1 }])
})

test('a statement that takes too long is unavailable, but no outage: it may be to blame', async () => {
  const hasty = openLedger({
    databaseUrl: ledger.url,
    statementTimeoutMs: 20,
    connectTimeoutMs: 10_000,
  })
  const error = await sql`select pg_sleep(10)`.execute(hasty.db).catch((e) => e)
  expect(error).toBeInstanceOf(LedgerUnavailableError)
  expect(error).toMatchObject({ code: 'LEDGER_TIMEOUT', outage: false })
  await hasty.close()
})

test('a lock that is held for too long is an outage: who waits is not to blame', async () => {
  const hasty = openLedger({ databaseUrl: ledger.url, lockTimeoutMs: 20 })
  await ledger.db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(7)`.execute(trx)
    const error = await sql`select pg_advisory_xact_lock(7)`.execute(hasty.db).catch((e) => e)
    expect(error).toMatchObject({ code: 'LEDGER_UNAVAILABLE', outage: true })
  })
  await hasty.close()
})

test('a read-only database is unavailable for writing, and its connection is not used again', async () => {
  const own = openLedger({ databaseUrl: ledger.url, maxConnections: 1, connectTimeoutMs: 10_000 })
  const pid = async () => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(own.db)
    return rows[0]?.pid
  }
  const first = await pid()
  expect(await pid()).toBe(first)
  const outcome = own.db.transaction().execute(async (trx) => {
    await sql`set transaction read only`.execute(trx)
    await sql`insert into tenants (name) values ('x')`.execute(trx)
  })
  await expect(outcome).rejects.toThrow(LedgerUnavailableError)
  expect(await pid()).not.toBe(first)
  await own.close()
})

test('a statement that is wrong is not taken for an outage', async () => {
  const error = await sql`select no_such_column`.execute(ledger.db).catch((e) => e)
  expect(error).toMatchObject({ code: '42703' })
  expect(error).not.toBeInstanceOf(LedgerUnavailableError)
})

test('when all connections are in use for too long, PostgreSQL is unavailable', async () => {
  const narrow = openLedger({ databaseUrl: ledger.url, maxConnections: 1, connectTimeoutMs: 2_000 })
  const outcome = narrow.db.transaction().execute(async (trx) => {
    await sql`select 1`.execute(trx)
    await expect(sql`select 1`.execute(narrow.db)).rejects.toThrow(LedgerUnavailableError)
    return 'done'
  })
  expect(await outcome).toBe('done')
  await narrow.close()
})

test('a database that lets nobody in is unavailable, whatever it says', async () => {
  const url = new URL(ledger.url)
  url.pathname = '/there_is_no_such_database'
  const nowhere = openLedger({ databaseUrl: url.href, connectTimeoutMs: 10_000 })
  const error = await sql`select 1`.execute(nowhere.db).catch((e) => e)
  expect(error).toMatchObject({ code: 'LEDGER_UNAVAILABLE', outage: true })
  await nowhere.close()
})

import { randomBytes } from 'node:crypto'
import { isMigrated, type Ledger, migrateLedger, openLedger } from '@inventoryrpa/ledger'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'

const name = `test_empty_${randomBytes(6).toString('hex')}`
const url = new URL(inject('postgresUrl'))
url.pathname = `/${name}`
const server = new pg.Client({ connectionString: inject('postgresUrl') })
let ledger: Ledger

beforeAll(async () => {
  await server.connect()
  await server.query(`create database ${name}`)
  ledger = openLedger({ databaseUrl: url.href, connectTimeoutMs: 10_000 })
})
afterAll(async () => {
  await ledger.close()
  await server.query(`drop database ${name} with (force)`)
  await server.end()
})

test('an empty database is not migrated; migrated by several at once, then again, it is', async () => {
  expect(await isMigrated(ledger.db)).toBe(false)
  await Promise.all([1, 2, 3].map(() => migrateLedger(url.href)))
  expect(await isMigrated(ledger.db)).toBe(true)
  await migrateLedger(url.href)
  expect(await isMigrated(ledger.db)).toBe(true)
})

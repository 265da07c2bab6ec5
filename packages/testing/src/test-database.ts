import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import type {} from './provided-context.ts'
import { templateDatabase } from './template-database.ts'
import { until } from './until.ts'

export interface TestDatabase {
  url: string
  drop(): Promise<void>
}

/** A migrated, empty database of its own, cloned from the template of the test run. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl')
  const name = `test_${randomBytes(8).toString('hex')}`
  await until(() => cloned(serverUrl, name), {
    timeoutMs: 30_000,
    everyMs: 25,
    describe: `database ${name} cloned from ${templateDatabase}`,
  })
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    url: url.href,
    drop: () => execute(serverUrl, `drop database if exists ${name} with (force)`),
  }
}

/** False while another test clones: PostgreSQL copies a template for one session at a time. */
async function cloned(serverUrl: string, name: string): Promise<boolean> {
  try {
    await execute(serverUrl, `create database ${name} template ${templateDatabase}`)
    return true
  } catch (error) {
    const objectInUse = '55006'
    if ((error as { code?: string }).code === objectInUse) return false
    throw error
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../../src/index.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

async function query(sql: string): Promise<Record<string, unknown> | undefined> {
  const client = new pg.Client({ connectionString: postgres.url() })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

test.each(['SIGKILL', 'immediate'] as const)('committed data outlives %s', async (how) => {
  await query('create table if not exists kept (how text)')
  await query(`insert into kept values ('${how}')`)
  const { port, pid } = postgres
  await postgres.kill(how)
  await expect(query('select 1')).rejects.toThrow('ECONNREFUSED')
  await postgres.restart()
  expect(postgres.port).toBe(port)
  expect(postgres.pid).not.toBe(pid)
  expect(await query(`select how from kept where how = '${how}'`)).toEqual({ how })
})

test('restart of a running server keeps its address', async () => {
  const url = postgres.url('postgres')
  await postgres.restart()
  expect(postgres.url('postgres')).toBe(url)
  expect(await query('select 1 as one')).toEqual({ one: 1 })
})

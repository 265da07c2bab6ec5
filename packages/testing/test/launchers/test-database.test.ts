import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { createTestDatabase, redisCommand, testRedis } from '../../src/index.ts'

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('databases asked for at once are all migrated and apart from each other', async () => {
  const databases = await Promise.all(Array.from({ length: 8 }, () => createTestDatabase()))
  await Promise.all(
    databases.map(async ({ url }, index) => {
      const tables = "select 1 from information_schema.tables where table_schema = 'public'"
      expect(await query(url, tables)).not.toEqual([])
      await query(url, `create table mine as select ${index} as number`)
    }),
  )
  const numbers = databases.map(async ({ url }) => (await query(url, 'select number from mine'))[0])
  expect(await Promise.all(numbers)).toEqual(databases.map((_, number) => ({ number })))
  await Promise.all(databases.map((database) => database.drop()))
})

test('a database is dropped even while a connection to it is open', async () => {
  const database = await createTestDatabase()
  const client = new pg.Client({ connectionString: database.url })
  client.on('error', () => undefined)
  await client.connect()
  await database.drop()
  await expect(query(database.url, 'select 1')).rejects.toThrow('does not exist')
  await client.end()
})

test('Redis prefixes are apart, and cleaning one up leaves the other', async () => {
  const [one, other] = [testRedis(), testRedis()]
  for (const { url, prefix } of [one, other]) await redisCommand(url, ['SET', `${prefix}:key`, 'x'])
  await one.cleanup()
  const exists = ({ prefix }: { prefix: string }) => ['EXISTS', `${prefix}:key`]
  expect(await redisCommand(inject('redisUrl'), exists(one))).toBe(':0')
  expect(await redisCommand(inject('redisUrl'), exists(other))).toBe(':1')
  await other.cleanup()
})

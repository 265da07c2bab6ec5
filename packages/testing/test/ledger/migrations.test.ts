import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findContractions, readSchema } from '@inventoryrpa/testing'
import { Kysely, PostgresDialect } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'

const folder = join(import.meta.dirname, '../../../ledger/src/migrations')
const names = (await readdir(folder))
  .filter((name) => /^\d.*\.ts$/.test(name))
  .map((name) => name.slice(0, -'.ts'.length))
  .sort()

const name = `test_empty_${randomBytes(6).toString('hex')}`
const url = new URL(inject('postgresUrl'))
url.pathname = `/${name}`
const server = new pg.Client({ connectionString: inject('postgresUrl') })
const client = new pg.Client({ connectionString: url.href })

beforeAll(async () => {
  await server.connect()
  await server.query(`create database ${name}`)
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await server.query(`drop database ${name} with (force)`)
  await server.end()
})

/** Runs one after the other. @returns what each takes from those before it */
const contractionsOf = async (migrations: Record<string, Migration>) => {
  const pool = new pg.Pool({ connectionString: url.href, max: 2 })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  onTestFinished(() => db.destroy())
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const found: Record<string, string[]> = {}
  for (const name of Object.keys(migrations)) {
    const before = await readSchema(client)
    const { error } = await migrator.migrateTo(name)
    if (error) throw error
    found[name] = findContractions(before, await readSchema(client))
  }
  return found
}

test('a migration only expands the schema, unless it is named a contract', async () => {
  const { migrations } = await import(join(folder, 'index.ts'))
  expect(Object.keys(migrations)).toEqual(names)
  const found = await contractionsOf(migrations)
  for (const name of names) {
    if (!name.endsWith('-contract')) expect(found[name], name).toEqual([])
  }
})

/** What a statement takes from whoever knows only these. */
const contractionsBy = async (statement: string) => {
  await client.query('begin')
  try {
    await client.query(base)
    const before = await readSchema(client)
    await client.query(statement)
    return findContractions(before, await readSchema(client))
  } finally {
    await client.query('rollback')
  }
}
const base = `create type mood as enum ('good', 'bad');
  create table things (id int primary key, name text default 'a', size numeric(9, 3), note varchar(9))`

test.for([
  ['alter table things drop column name', 'things.name is gone'],
  ['alter table things rename column name to title', 'things.name is gone'],
  ['drop table things', 'things.id is gone'],
  ['alter table things rename to items', 'things.size is gone'],
  ['alter table things alter name set not null', 'things.name must not be null any more'],
  ['alter table things alter name drop default', 'things.name has lost its default'],
  ['alter table things add column kind text not null', 'things.kind is needed'],
  ['alter table things alter size type numeric(8, 3)', 'things.size was numeric(9,3)'],
  ['alter table things alter size type numeric(12, 4)', 'things.size was numeric(9,3)'],
  ['alter table things alter note type varchar(8)', 'things.note was character varying(9)'],
  ['alter table things alter note type int using 1', 'things.note was character varying(9)'],
  ['create unique index once on things (name)', 'things once is new'],
  ['alter table things add check (size > 0)', 'things things_size_check is new'],
  ["alter type mood rename value 'bad' to 'worse'", 'mood.bad is gone'],
] as const)('found as a contraction: %s', async ([statement, said]) => {
  expect((await contractionsBy(statement)).join(' ')).toContain(said)
})

test.for([
  `alter table things add column kind text not null default 'a' check (kind <> '')`,
  'alter table things add column kind text unique',
  'alter table things alter size type numeric(12, 3), alter id type bigint, alter note type text',
  'alter table things alter size drop not null',
  `alter type mood add value 'best'`,
  'create table others (id int primary key references things, name text not null unique)',
  'create index by_name on things (name)',
])('no contraction: %s', async (statement) => {
  expect(await contractionsBy(statement)).toEqual([])
})

test('a released migration is never edited: those listed are as they were, and none is left out before one that is', async () => {
  const released: Record<string, string> = JSON.parse(
    await readFile(join(folder, 'released.json'), 'utf8'),
  )
  const listed = Object.keys(released)
  expect(listed.length).toBeGreaterThan(0)
  expect(listed).toEqual(names.slice(0, listed.length))
  for (const name of listed) {
    const text = await readFile(join(folder, `${name}.ts`))
    expect(createHash('sha256').update(text).digest('hex'), name).toBe(released[name])
  }
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type EmbeddedPostgres,
  LockedError,
  parentOf,
  processStart,
  removeCluster,
  signal,
  startEmbeddedPostgres,
} from '@inventoryrpa/local'
import { until } from '@inventoryrpa/testing'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'

let folder: string
let dataDir: string
let running: EmbeddedPostgres[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-local-'))
  await chmod(folder, 0o755)
  dataDir = join(folder, 'postgres')
})
afterEach(async () => {
  for (const postgres of running) await postgres.stop('immediate')
  running = []
  await removeCluster(dataDir)
  await rm(folder, { recursive: true, force: true })
})

async function start(
  options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {},
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, ...options })
  running.push(postgres)
  return postgres
}

async function query(postgres: EmbeddedPostgres, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: postgres.url() })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

test('data, port and password survive a restart', async () => {
  const first = await start()
  await query(first, 'create table kept as select 42 as answer')
  await first.stop()
  const second = await start()
  expect(second.url()).toBe(first.url())
  expect(await query(second, 'select answer from kept')).toEqual({ answer: 42 })
})

test('it is durable, UTF-8, and open to nobody without the password', async () => {
  const postgres = await start()
  const shown = 'fsync synchronous_commit server_encoding listen_addresses unix_socket_directories'
  for (const name of shown.split(' ')) {
    const expected = { fsync: 'on', synchronous_commit: 'on', server_encoding: 'UTF8' }
    const byDefault = { listen_addresses: '127.0.0.1', unix_socket_directories: '' }
    const value = (await query(postgres, `show ${name}`))[name]
    expect(value).toBe({ ...expected, ...byDefault }[name])
  }
  const stranger = new URL(postgres.url())
  stranger.password = 'guess'
  const client = new pg.Client({ connectionString: stranger.href })
  await expect(client.connect()).rejects.toThrow('password authentication failed')
  expect((await stat(`${dataDir}.json`)).mode & 0o777).toBe(0o600)
})

test("the caller's settings win", async () => {
  const postgres = await start({ settings: { max_connections: '17' } })
  expect(await query(postgres, 'show max_connections')).toEqual({ max_connections: '17' })
})

test('a second start on the same directory is refused and harms nothing', async () => {
  const postgres = await start()
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(LockedError)
  expect(await query(postgres, 'select 1 as one')).toEqual({ one: 1 })
})

test('after SIGKILL of the postmaster it starts again with its data', async () => {
  const first = await start()
  await query(first, 'create table kept as select 42 as answer')
  signal(first.pid, 'SIGKILL')
  await first.exited
  const second = await start({ port: first.port })
  expect(await query(second, 'select answer from kept')).toEqual({ answer: 42 })
})

test('when its supervisor is killed it stops by itself, and the next start works', async () => {
  const { supervisor, pid } = await startInOtherProcess()
  supervisor.kill('SIGKILL')
  await until(async () => (await processStart(pid)) === undefined, {
    describe: 'PostgreSQL to stop after its supervisor',
  })
  await start()
})

test('an orphan whose supervisor and keeper were killed is stopped by the next start', async () => {
  const { supervisor, pid, keeper } = await startInOtherProcess()
  signal(keeper, 'SIGSTOP')
  supervisor.kill('SIGKILL')
  await once(supervisor, 'exit')
  signal(keeper, 'SIGKILL')
  expect(await processStart(pid)).toBeDefined()
  const postgres = await start()
  expect(postgres.pid).not.toBe(pid)
  expect(await processStart(pid)).toBeUndefined()
})

test('a keeper that is killed takes PostgreSQL with it', async () => {
  const { supervisor, pid, keeper } = await startInOtherProcess()
  signal(keeper, 'SIGKILL')
  await until(async () => (await processStart(pid)) === undefined, {
    describe: 'PostgreSQL to stop after its keeper',
  })
  supervisor.kill('SIGKILL')
})

test('a port that is taken fails with what PostgreSQL says', async () => {
  const postgres = await start()
  const other = startEmbeddedPostgres({ dataDir: join(folder, 'other'), port: postgres.port })
  await expect(other).rejects.toThrow('could not bind')
})

async function startInOtherProcess() {
  const module = fileURLToPath(new URL('../../../local/src/index.ts', import.meta.url))
  const script = `import { startEmbeddedPostgres } from ${JSON.stringify(module)}
    const { pid } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    process.send(pid)`
  const supervisor = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [pid] = (await once(supervisor, 'message')) as [number]
  return { supervisor, pid, keeper: Number(await parentOf(pid)) }
}

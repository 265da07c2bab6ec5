import { execFile } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { migrateLedger } from '@inventoryrpa/ledger'
import {
  checkLedger,
  startPostgres,
  startRedis,
  startTestSystem,
  submitLines,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'

const run = promisify(execFile)

const lines = Array.from({ length: 6_000 }, (_, index) => ({
  type: 'adjustment',
  sku: `SKU-${index % 70}`,
  location: 'Leeds',
  quantity: (index % 9) - 4,
}))

test('PostgreSQL restored from a base backup and its archive, beside an empty Redis: every accepted line once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-restore-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  // As root, PostgreSQL runs as somebody else.
  await chmod(folder, 0o777)
  const postgres = await startPostgres({
    settings: {
      archive_mode: 'on',
      archive_command: `cp %p ${folder}/%f`,
      restore_command: `cp ${folder}/%f %p`,
    },
  })
  onTestFinished(() => postgres.stop())
  await migrateLedger(postgres.url())
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const start = (workers: number) =>
    startTestSystem({ databaseUrl: postgres.url(), redisUrl: redis.url, workers })

  const before = await start(2)
  onTestFinished(() => before.stop())
  const ids = await submitLines(before, lines.slice(0, 3_000))
  for (const id of ids) await untilCompleted(before, id)
  const dataDir = await backUp(postgres.url(), join(folder, 'base'))
  ids.push(...(await submitLines(before, lines.slice(3_000, 4_000))))
  for (const id of ids) await untilCompleted(before, id)
  await Promise.all(before.workers.map((it) => it.stop({ graceMs: 20_000 })))
  ids.push(...(await submitLines(before, lines.slice(4_000))))
  await archiveAll(postgres.url())
  await before.stop()

  await postgres.kill()
  await redis.flushAll()
  await rm(dataDir, { recursive: true })
  await run('cp', ['-a', join(folder, 'base'), dataDir])
  await writeAs(dataDir, 'recovery.signal', '')
  await postgres.restart()
  await untilRecovered(postgres.url())
  const after = await start(2)
  onTestFinished(() => after.stop())
  for (const id of ids) await untilCompleted(after, id)

  expect(await checkLedger(postgres.url(), lines)).toEqual([])
}, 120_000)

const query = async (url: string, text: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows[0]
  } finally {
    await client.end()
  }
}

const untilRecovered = (url: string) =>
  until(async () => !(await query(url, 'select pg_is_in_recovery() as recovering')).recovering, {
    timeoutMs: 30_000,
    describe: 'the end of the recovery',
  })

/** As pg_basebackup does. @returns the data directory */
const backUp = async (url: string, to: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(`select current_setting('data_directory') as "dataDir"`)
  const [{ dataDir }] = rows
  await client.query(`select pg_backup_start('drill', fast => true)`)
  // Files may vanish while they are copied.
  await run('cp', ['-a', dataDir, to]).catch(() => undefined)
  const stopped = await client.query('select labelfile from pg_backup_stop()')
  await client.end()
  for (const name of ['postmaster.pid', 'postmaster.opts'])
    await rm(join(to, name), { force: true })
  await run('sh', ['-c', `rm -rf ${to}/pg_wal/0* ${to}/pg_wal/archive_status/*`])
  await writeAs(to, 'backup_label', stopped.rows[0].labelfile)
  return dataDir as string
}

/** A file of whoever runs PostgreSQL. */
const writeAs = async (dataDir: string, name: string, text: string) => {
  const { uid, gid } = await stat(dataDir)
  await writeFile(join(dataDir, name), text, { mode: 0o600 })
  await chown(join(dataDir, name), uid, gid)
}

/** Until all that was committed so far is in the archive. */
const archiveAll = async (url: string) => {
  const { last } = await query(url, 'select pg_walfile_name(pg_switch_wal()) as last')
  const isArchived = async () =>
    (await query(url, 'select last_archived_wal as name from pg_stat_archiver')).name >= last
  await until(isArchived, { timeoutMs: 30_000, describe: `${last} archived` })
}

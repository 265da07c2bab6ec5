import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { migrateLedger } from '@inventoryrpa/ledger'
import { type OnlineRetailLine, readOnlineRetailDay } from '@inventoryrpa/local'
import {
  type CheckedOut,
  checkLedger,
  checkOut,
  createTestDatabase,
  findOlderRelease,
  startTestSystem,
  submitLines,
  type TestSystem,
  type TestSystemOptions,
  testRedis,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'

const rootDir = join(import.meta.dirname, '../../../..')
const day = await readOnlineRetailDay(join(rootDir, 'examples/online-retail/2010-12-01.csv'))
const release = await findOlderRelease(rootDir)

/** The old release and this one, on one Redis and one database, each as many processes as asked for. */
const startBoth = (databaseUrl: string) => {
  const { url: redisUrl, prefix: queuePrefix, cleanup } = testRedis()
  onTestFinished(cleanup)
  return async (options: Pick<TestSystemOptions, 'rootDir' | 'workers' | 'onLog' | 'env'>) => {
    const system = await startTestSystem({ ...options, databaseUrl, redisUrl, queuePrefix })
    onTestFinished(() => system.stop())
    return system
  }
}

/** Batches of all sizes: this release has queues of its own for small ones. */
const submitAllSizes = async (system: Pick<TestSystem, 'call'>, lines: OnlineRetailLine[]) => [
  ...(await submitLines(system, lines.slice(0, 100), { bodyLines: 10 })),
  ...(await submitLines(system, lines.slice(100), { bodyLines: 1_000 })),
]

describe.skipIf(release === undefined)('beside the release before', () => {
  let old: CheckedOut
  beforeAll(async () => {
    old = await checkOut(rootDir, release as NonNullable<typeof release>)
  }, 120_000)
  afterAll(() => old?.[Symbol.asyncDispose]())

  test.for([
    ['the old API', 'new workers'],
    ['the new API', 'old workers'],
  ])('%s with %s on the new schema: every line once', { timeout: 120_000 }, async ([api]) => {
    const database = await createTestDatabase()
    onTestFinished(() => database.drop())
    const start = startBoth(database.url)
    const [oldWorkers, newWorkers] = api === 'the old API' ? [0, 2] : [2, 0]
    const oldSystem = await start({ rootDir: old.rootDir, workers: oldWorkers })
    const newSystem = await start({ workers: newWorkers })
    const { call } = api === 'the old API' ? oldSystem : newSystem

    for (const id of await submitAllSizes({ call }, day)) await untilCompleted({ call }, id)

    expect(await checkLedger(database.url, day)).toEqual([])
  })

  test('a rollout under load, from the old schema on: every line once, and both releases did some', async () => {
    const databaseUrl = await emptyDatabase()
    await promisify(execFile)(process.execPath, [join(old.rootDir, 'apps/api/migrate-main.ts')], {
      env: { DATABASE_URL: databaseUrl },
    })
    const start = startBoth(databaseUrl)
    const settled = { old: 0, new: 0 }
    const count = (release: 'old' | 'new') => (_process: string, text: string) => {
      if (text.includes('"msg":"chunk ')) settled[release] += JSON.parse(text).applied ?? 0
    }
    const untilSettled = (release: 'old' | 'new', lines: number) =>
      until(() => settled[release] >= lines, {
        timeoutMs: 60_000,
        describe: `${lines} lines applied by the ${release} release`,
      })
    const env = { LOG_LEVEL: 'debug' }
    const before = await start({ rootDir: old.rootDir, workers: 2, env, onLog: count('old') })
    let { call } = before
    let isRolledOut = false
    const submitUntilRolledOut = async () => {
      const [lines, ids]: [OnlineRetailLine[], string[]] = [[], []]
      while (!isRolledOut) {
        ids.push(...(await submitLines({ call: (...it) => call(...it) }, day, { bodyLines: 200 })))
        lines.push(...day)
      }
      return { lines, ids }
    }
    const submitting = submitUntilRolledOut()
    submitting.catch(() => undefined)

    await untilSettled('old', 1)
    await migrateLedger(databaseUrl)
    const after = await start({ workers: 2, env, onLog: count('new') })
    await untilSettled('new', 1)
    await untilSettled('old', settled.old + 1)
    const stopped = await Promise.all(before.workers.map((it) => it.stop({ graceMs: 20_000 })))
    call = after.call
    stopped.push(await before.api.stop({ graceMs: 20_000 }))
    await untilSettled('new', settled.new + 1)
    isRolledOut = true
    const { ids, lines } = await submitting
    for (const id of ids) await untilCompleted(after, id)

    expect(stopped.filter(({ killed }) => killed)).toEqual([])
    expect(await checkLedger(databaseUrl, lines)).toEqual([])
  }, 180_000)
})

const emptyDatabase = async () => {
  const name = `test_empty_${randomBytes(6).toString('hex')}`
  const server = new pg.Client({ connectionString: inject('postgresUrl') })
  await server.connect()
  await server.query(`create database ${name}`)
  onTestFinished(async () => {
    await server.query(`drop database ${name} with (force)`)
    await server.end()
  })
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  return url.href
}

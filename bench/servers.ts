import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeCluster, startEmbeddedPostgres } from '@inventoryrpa/local'
import { startRedis } from '@inventoryrpa/testing'
import type { Stand } from './contestant.ts'
import { openDatabase } from './database.ts'

export type Servers = AsyncDisposable & {
  /** For the superuser, to read settings. */
  serverUrl: string
  /** An empty database and an empty Redis, for one contestant at a time. */
  openStand(): Promise<Stand & AsyncDisposable>
}

/**
 * One PostgreSQL for the whole run, with its default of flushing each commit, and a new Redis for
 * each stand. Their data is beside the results, not in a temporary folder, which may be memory.
 */
export const startServers = async (folder: string, onLog: Stand['onLog']): Promise<Servers> => {
  await using stack = new AsyncDisposableStack()
  await mkdir(folder, { recursive: true, mode: 0o755 })
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'postgres')
  stack.defer(() => removeCluster(dataDir))
  const postgres = await startEmbeddedPostgres({
    dataDir,
    onLog: (line) => onLog('postgres', line),
  })
  stack.defer(() => postgres.stop('immediate'))
  const admin = stack.use(await openDatabase(postgres.url()))
  const held = stack.move()

  return {
    serverUrl: postgres.url(),
    openStand: async () => {
      await using stack = new AsyncDisposableStack()
      const name = `bench_${randomBytes(4).toString('hex')}`
      await admin.client.query(`create database ${name}`)
      stack.defer(async () => {
        await admin.client.query(`drop database ${name} with (force)`)
      })
      const dir = join(folder, `redis-${name}`)
      await mkdir(dir)
      stack.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
      const args = ['--appendfsync', 'everysec']
      const redis = await startRedis({ appendOnly: true, dir, args })
      stack.defer(() => redis.stop())
      // What the contestant before left unwritten is not this one's to pay for.
      await admin.client.query('checkpoint')
      const held = stack.move()
      return {
        databaseUrl: postgres.url(name),
        redisUrl: redis.url,
        onLog,
        [Symbol.asyncDispose]: () => held.disposeAsync(),
      }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

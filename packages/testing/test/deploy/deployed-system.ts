import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { createApiKey, ensureTenant, openLedger } from '@inventoryrpa/ledger'
import { type AppProcess, freePort, spawnApp } from '@inventoryrpa/local'
import { testRedis } from '@inventoryrpa/testing'
import pg from 'pg'
import { inject } from 'vitest'
import type { Overlay, Workload } from './manifests.ts'
import { type Secrets, settingsOf } from './settings.ts'

const rootDir = join(import.meta.dirname, '../../../..')

/** What a container runs. The image's working directory is the root of the repository. */
const entryOf = ({ containers }: Workload) => join(rootDir, containers[0]?.args?.[0] ?? '')

/** An app as its manifest starts it. */
export type DeployedApp = {
  workload: Workload
  process: AppProcess
  opsUrl: string
  publicUrl?: string
}

export type DeployedSystem = {
  /** Starts a Deployment's process and waits until it listens, ready or not. */
  start: (name: string) => Promise<DeployedApp>
  /** Runs the Job. @returns its exit code */
  migrate: () => Promise<number | null>
  createKey: () => Promise<string>
  /** Lets nobody into the database, and ends those that are in, or lets them in again. */
  closeDatabase: (closed: boolean) => Promise<void>
  stop: () => Promise<void>
}

/** Processes in place of an overlay's pods, on an empty database and the run's Redis. */
export const openDeployedSystem = async (
  overlay: Overlay,
  secrets: Secrets,
): Promise<DeployedSystem> => {
  await using resources = new AsyncDisposableStack()
  const server = new pg.Client({ connectionString: inject('postgresUrl') })
  await server.connect()
  resources.defer(() => server.end())
  const database = `test_deployed_${randomBytes(6).toString('hex')}`
  await server.query(`create database ${database}`)
  resources.defer(async () => void (await server.query(`drop database ${database} with (force)`)))
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${database}`
  const redis = testRedis()
  resources.defer(() => redis.cleanup())
  const given = {
    OPS_USER: 'operator',
    OPS_PASSWORD: 'for-tests-only',
    ...secrets,
    DATABASE_URL: url.href,
    REDIS_URL: redis.url,
  }
  // One machine stands for all nodes; the Redis of the run has other tests beside this one.
  const here = {
    HOST: '127.0.0.1',
    OPS_HOST: '127.0.0.1',
    QUEUE_PREFIX: redis.prefix,
    STOCK_SOURCE_ALLOW_PRIVATE: 'true',
  }
  const processes: AppProcess[] = []
  resources.defer(async () => {
    await Promise.all(processes.map((it) => it.stop({ graceMs: 20_000 })))
  })

  const start = async (name: string): Promise<DeployedApp> => {
    const workload = overlay.workload(name)
    const env = {
      ...settingsOf(overlay, workload, given),
      ...here,
      PORT: String(await freePort()),
      OPS_PORT: '0',
    }
    const app = spawnApp({ name, entry: entryOf(workload), env })
    processes.push(app)
    return { workload, process: app, ...(await app.ready) }
  }
  const migrate = async () => {
    const job = overlay.workload('inventoryrpa-migrate')
    const env = settingsOf(overlay, job, given)
    const child = spawn(execPath, [entryOf(job)], { env, stdio: 'inherit' })
    const [code] = (await once(child, 'exit')) as [number | null]
    return code
  }
  const createKey = async () => {
    const ledger = openLedger({ databaseUrl: url.href, maxConnections: 1 })
    try {
      const tenantId = await ensureTenant(ledger.db, 'test')
      return (await createApiKey(ledger.db, { tenantId, name: 'test', scopes: ['admin'] })).key
    } finally {
      await ledger.close()
    }
  }
  const closeDatabase = async (closed: boolean) => {
    await server.query(`alter database ${database} with allow_connections ${!closed}`)
    if (!closed) return
    await server.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
      [database],
    )
  }
  const held = resources.move()
  return { start, migrate, createKey, closeDatabase, stop: () => held.disposeAsync() }
}

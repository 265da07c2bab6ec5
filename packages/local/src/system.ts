import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type AppProcess, spawnApp } from './app-process.ts'
import { developmentApiKey, opsCredentials } from './credentials.ts'
import { type Kept, keepRunning } from './keep-running.ts'
import { migrateDatabase, startLocalDatabase } from './local-database.ts'
import { choosePorts } from './system-ports.ts'

export interface SystemOptions {
  /** The checkout, with apps/ in it. */
  rootDir: string
  /** For the database, keys and logs; made if missing. */
  dataDir: string
  /** A PostgreSQL of yours; default: an embedded one in `dataDir`. */
  databaseUrl?: string | undefined
  /** Default: no Redis, the queues are in PostgreSQL. */
  redisUrl?: string | undefined
  /** 0: any free one. Default: 3000 and 3001, or any free ones if they are taken. */
  port?: number | undefined
  opsPort?: number | undefined
  /** Beside the one that applies small batches; default 2. */
  workers?: number | undefined
  /** The environment the apps get, besides what is set here. */
  env?: Record<string, string | undefined>
  /** Every line that a process writes. */
  onLog?: (name: string, line: string) => void
  /** What the user should know, in a sentence: a port chosen, a process started again. */
  onReport?: (sentence: string) => void
}

export interface System {
  apiUrl: string
  apiKey: string
  opsUrl: string
  opsUser: string
  opsPassword: string
  databaseUrl: string
  redisUrl: string | null
  workers: { name: string; pid: number | undefined; opsUrl: string }[]
  /** API first, then the workers, PostgreSQL last. Reports the first error after all have ended. */
  stop(): Promise<void>
  /** For the impatient: kills the API and the workers, so that stop() has only PostgreSQL to wait for. */
  hurry(): void
}

type App = AppProcess & { opsUrl: string; stop(): Promise<unknown> }

const apiGraceMs = 15_000
const workerGraceMs = 25_000

/** Runs all of InventoryRPA here: PostgreSQL unless given, the API and its workers as processes. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { dataDir, redisUrl, onLog = () => undefined, onReport = () => undefined } = options
  await using releases = new AsyncDisposableStack()
  await mkdir(dataDir, { recursive: true, mode: 0o755 })
  const host = options.env?.HOST || '127.0.0.1'
  const ports = await choosePorts({ port: options.port, opsPort: options.opsPort, host }, onReport)
  let databaseUrl = options.databaseUrl
  if (databaseUrl === undefined) {
    const onPostgresLog = (line: string) => onLog('postgres', line)
    const database = await startLocalDatabase({ dataDir, onLog: onPostgresLog, onReport })
    releases.defer(() => database.postgres.stop())
    databaseUrl = database.url
  }
  await migrateDatabase(databaseUrl, redisUrl)
  const apiKey = await developmentApiKey(dataDir, databaseUrl)
  const ops = await opsCredentials(dataDir)

  const shared = { ...options.env, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl }
  const keep = (name: string, folder: string, env: Record<string, string>, graceMs: number) =>
    keepRunning<App>({
      name,
      onReport,
      start: () =>
        startApp({
          name,
          entry: join(options.rootDir, 'apps', folder, 'main.ts'),
          env: { ...shared, ...env },
          onLog: (line) => onLog(name, line),
          graceMs,
        }),
    })
  const startingApi = keep(
    'api',
    'api',
    {
      HOST: host,
      PORT: String(ports.port),
      OPS_HOST: options.env?.OPS_HOST || '127.0.0.1',
      OPS_PORT: String(ports.opsPort),
      OPS_USER: ops.user,
      OPS_PASSWORD: ops.password,
    },
    apiGraceMs,
  )
  const keepWorker = (name: string, queues: string) =>
    keep(
      name,
      'worker',
      {
        OPS_HOST: '127.0.0.1',
        OPS_PORT: '0',
        SHUTDOWN_GRACE_MS: String(workerGraceMs - 5000),
        WORKER_QUEUES: queues,
      },
      workerGraceMs,
    )
  // Small batches share a process with no large one (ADR 11).
  const startingWorkers = [
    ...Array.from({ length: options.workers ?? 2 }, (_, index) =>
      keepWorker(`worker-${index + 1}`, 'apply,plan,sync'),
    ),
    keepWorker('worker-express', 'express'),
  ]
  const workers = await started(startingWorkers, releases)
  const [api] = await started([startingApi], releases)
  if (api === undefined) throw new Error('the API was not started')
  const owned = releases.move()
  return {
    apiUrl: `http://127.0.0.1:${ports.port}`,
    apiKey,
    opsUrl: `http://127.0.0.1:${ports.opsPort}`,
    opsUser: ops.user,
    opsPassword: ops.password,
    databaseUrl,
    redisUrl: redisUrl ?? null,
    get workers() {
      return workers.map((worker) => worker.current())
    },
    stop: () => owned.disposeAsync(),
    hurry: () => {
      for (const app of [api, ...workers]) app.current().kill('SIGKILL')
    },
  }
}

/** Waits for all that were started together, and releases those that came up if one did not. */
async function started(
  starting: Promise<Kept<App>>[],
  releases: AsyncDisposableStack,
): Promise<Kept<App>[]> {
  const outcomes = await Promise.allSettled(starting)
  const running = outcomes.flatMap((o) => (o.status === 'fulfilled' ? [o.value] : []))
  releases.defer(async () => {
    await Promise.all(running.map((app) => app.stop()))
  })
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return running
}

async function startApp({
  graceMs,
  ...options
}: Parameters<typeof spawnApp>[0] & { graceMs: number }): Promise<App> {
  const app = spawnApp(options)
  const { opsUrl } = await app.ready
  return { ...app, opsUrl, stop: () => app.stop({ graceMs }) }
}

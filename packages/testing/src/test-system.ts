import { join } from 'node:path'
import { createApiKey, ensureTenant, openLedger } from '@inventoryrpa/ledger'
import { type AppProcess, freePort, spawnApp } from '@inventoryrpa/local'

export interface TestSystemOptions {
  /** A migrated database. */
  databaseUrl: string
  /** Default: the queue is in the database. */
  redisUrl?: string | undefined
  queuePrefix?: string | undefined
  /** The checkout whose apps run; default: this one. */
  rootDir?: string
  /** Worker processes; default 2. */
  workers?: number
  /** Settings of both apps, by variable. */
  env?: Record<string, string>
  onLog?: (process: string, line: string) => void
}

export interface TestSystem {
  apiUrl: string
  opsUrl: string
  opsUser: string
  opsPassword: string
  apiKey: string
  api: AppProcess
  /** Those that run now. */
  workers: AppProcess[]
  /** Starts one more worker process. */
  addWorker(): Promise<AppProcess>
  /** SIGKILL for the oldest worker. Another starts in its place; nobody waits until it is ready. */
  replaceWorker(): Promise<void>
  /** Calls the public API with the key. */
  call(path: string, init?: RequestInit): Promise<Response>
  stop(): Promise<void>
}

const rootDir = join(import.meta.dirname, '..', '..', '..')
const graceMs = 20_000

/** The real API and workers as processes of their own, on a database and a Redis of the test. */
export async function startTestSystem(options: TestSystemOptions): Promise<TestSystem> {
  const apiKey = await testApiKey(options.databaseUrl)
  const ops = { OPS_USER: 'operator', OPS_PASSWORD: 'for-tests-only' }
  const env = {
    LOG_LEVEL: 'info',
    ...options.env,
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    QUEUE_PREFIX: options.queuePrefix,
    OPS_HOST: '127.0.0.1',
    HOST: '127.0.0.1',
  }
  const start = (name: string, folder: string, own: Record<string, string>) =>
    spawnApp({
      name,
      entry: join(options.rootDir ?? rootDir, 'apps', folder, 'main.ts'),
      env: { ...env, ...own },
      onLog: (line) => options.onLog?.(name, line),
    })

  const api = start('api', 'api', { ...ops, PORT: String(await freePort()), OPS_PORT: '0' })
  const workers: AppProcess[] = []
  let started = 0
  const startWorker = () => {
    started += 1
    const worker = start(`worker-${started}`, 'worker', { OPS_PORT: '0' })
    workers.push(worker)
    return worker
  }
  const addWorker = async () => {
    const worker = startWorker()
    await worker.ready
    return worker
  }
  const stop = async () => {
    await Promise.all([api, ...workers].map((app) => app.stop({ graceMs })))
  }
  try {
    const added = Array.from({ length: options.workers ?? 2 }, addWorker)
    const { publicUrl, opsUrl } = await api.ready
    await Promise.all(added)
    if (publicUrl === undefined) throw new Error('the API did not say where it listens')
    return {
      apiUrl: publicUrl,
      opsUrl,
      opsUser: ops.OPS_USER,
      opsPassword: ops.OPS_PASSWORD,
      apiKey,
      api,
      workers,
      addWorker,
      replaceWorker: async () => {
        const oldest = workers.shift()
        oldest?.kill('SIGKILL')
        await oldest?.exited
        startWorker()
      },
      call: (path, init) =>
        fetch(`${publicUrl}${path}`, {
          ...init,
          headers: { authorization: `Bearer ${apiKey}`, ...init?.headers },
        }),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function testApiKey(databaseUrl: string): Promise<string> {
  const ledger = openLedger({ databaseUrl, maxConnections: 1 })
  try {
    const tenantId = await ensureTenant(ledger.db, 'test')
    const { key } = await createApiKey(ledger.db, { tenantId, name: 'test', scopes: ['admin'] })
    return key
  } finally {
    await ledger.close()
  }
}

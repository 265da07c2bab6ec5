import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readLocalConfig } from './local-config.ts'
import { openLogFiles } from './log-files.ts'
import { LockedError, takePidLock } from './pid-lock.ts'
import { readFileIfPresent, writePrivateFile } from './private-file.ts'
import type { StopRequest } from './stop-request.ts'
import { type System, startSystem } from './system.ts'

export interface SessionOptions {
  rootDir: string
  env: Record<string, string | undefined>
  print: (line: string) => void
  stop: StopRequest
}

/** Runs while the system is up; what it returns is the exit code, and the system stops then. */
export type SessionBody = (system: System, stop: AbortSignal) => Promise<number>

/**
 * Starts the system, tells where it is in `.data/dev.json`, runs `body` and stops everything in
 * order. Resolves with the exit code; what went wrong has been printed then.
 */
export async function runSession(options: SessionOptions, body: SessionBody): Promise<number> {
  const { print, stop } = options
  const dataDir = join(options.rootDir, '.data')
  try {
    const config = readLocalConfig(options.env)
    await using releases = new AsyncDisposableStack()
    await mkdir(dataDir, { recursive: true, mode: 0o755 })
    releases.defer(await lock(dataDir))
    const devFile = join(dataDir, 'dev.json')
    // One left by a session that was killed would tell wrong addresses until we are ready.
    await rm(devFile, { force: true })
    const names = ['postgres', 'api', ...workerNames(config.WORKERS)]
    const report = (sentence: string) => print(`! ${sentence}`)
    const logs = await openLogFiles(join(dataDir, 'logs'), names, report)
    releases.defer(() => logs.close())

    print('Starting InventoryRPA …')
    const system = await startSystem({
      rootDir: options.rootDir,
      dataDir,
      databaseUrl: config.DATABASE_URL,
      redisUrl: config.REDIS_URL,
      port: config.PORT,
      opsPort: config.OPS_PORT,
      workers: config.WORKERS,
      env: options.env,
      onLog: logs.write,
      onReport: report,
    })
    let impatient = false
    releases.defer(async () => {
      print('Stopping: the API first, then the workers, PostgreSQL last …')
      stop.impatient.then(() => {
        impatient = true
        print('Not waiting for the workers; what they had in hand is done at the next start.')
        system.hurry()
      })
      await system.stop()
      print('Stopped.')
    })
    await writePrivateFile(devFile, `${JSON.stringify(devInfo(system), null, 2)}\n`)
    releases.defer(() => rm(devFile, { force: true }))
    const code = stop.asked.aborted ? 0 : await body(system, stop.asked)
    await releases.disposeAsync()
    return impatient ? 130 : code
  } catch (error) {
    print(`InventoryRPA cannot run here. ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

/** Resolves when the user asks to stop. */
export const untilAsked = (asked: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (asked.aborted) resolve()
    else asked.addEventListener('abort', () => resolve(), { once: true })
  })

const workerNames = (count: number) => Array.from({ length: count }, (_, i) => `worker-${i + 1}`)

async function lock(dataDir: string): Promise<() => Promise<void>> {
  try {
    return await takePidLock(join(dataDir, 'inventoryrpa.lock'))
  } catch (error) {
    if (!(error instanceof LockedError)) throw error
    const text = await readFileIfPresent(join(dataDir, 'dev.json'))
    const where = text === undefined ? '' : `, at ${JSON.parse(text).apiUrl}`
    throw new Error(
      `It already runs from this folder (process ${error.pid}${where}). ` +
        'Stop that one with Ctrl-C first, or use it.',
    )
  }
}

function devInfo(system: System) {
  const { apiUrl, apiKey, opsUrl, opsUser, opsPassword, databaseUrl, redisUrl } = system
  return { apiUrl, apiKey, opsUrl, opsUser, opsPassword, databaseUrl, redisUrl }
}

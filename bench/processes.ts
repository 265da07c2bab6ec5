import { fileURLToPath } from 'node:url'
import { type AppProcess, type ReadyMessage, spawnApp } from '@inventoryrpa/local'
import type { Stand } from './contestant.ts'

type Program = {
  name: string
  entry: string
  env: Record<string, string | undefined>
  /** Flags for Node; default: those that our own apps are run with. */
  execArgv?: string[]
}
export type Started = { pid: number; ready: ReadyMessage }

const graceMs = 20_000

/** Starts programs in their order; releasing `stack` ends them in the reverse of it. */
export const startPrograms = async (
  stack: AsyncDisposableStack,
  stand: Stand,
  programs: readonly Program[],
): Promise<Started[]> => {
  const apps: AppProcess[] = programs.map(({ name, entry, env, execArgv }) => {
    const app = spawnApp({
      name,
      entry: fileURLToPath(new URL(entry, import.meta.url)),
      env: { DATABASE_URL: stand.databaseUrl, REDIS_URL: stand.redisUrl, ...env },
      onLog: (line) => stand.onLog(name, line),
      ...(execArgv && { execArgv }),
    })
    stack.defer(async () => {
      await app.stop({ graceMs })
    })
    return app
  })
  return Promise.all(apps.map(async (app) => ({ pid: Number(app.pid), ready: await app.ready })))
}

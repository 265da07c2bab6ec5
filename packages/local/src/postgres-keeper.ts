import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type StopMode = 'fast' | 'immediate'
export type KeeperOrder =
  | { type: 'start'; command: string; args: string[]; ids?: { uid: number; gid: number } }
  | { type: 'stop'; mode: StopMode }
export type KeeperReport = { type: 'spawned'; pid: number } | { type: 'failed'; message: string }

export interface Keeper {
  /** The pid of PostgreSQL's first process. */
  pid: number
  /** Settles when PostgreSQL, and with it the keeper, has ended. Never rejects. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  lastLines(): string
  stop(mode: StopMode): void
}

/** Runs PostgreSQL under a keeper process, which stops it when this process dies. */
export async function spawnKeeper(
  order: Extract<KeeperOrder, { type: 'start' }>,
  onLog: (line: string) => void,
): Promise<Keeper> {
  const entry = fileURLToPath(new URL('./postgres-keeper-main.ts', import.meta.url))
  const child = spawn(process.execPath, [entry], {
    detached: true,
    cwd: '/',
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const recent: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      recent.push(line)
      if (recent.length > 20) recent.shift()
      onLog(line)
    })
  }
  const exited = new Promise<Awaited<Keeper['exited']>>((resolve) => {
    // 'close' comes after the last line of output, unless a backend outlives its postmaster.
    child.once('exit', (code, signal) => setImmediate(() => resolve({ code, signal })))
    child.once('error', () => resolve({ code: 1, signal: null }))
  })
  const pid = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('message', (report) => {
      const message = report as KeeperReport
      if (message.type === 'spawned') resolve(message.pid)
      else reject(new Error(`PostgreSQL could not be run: ${message.message}`))
    })
    exited.then(() => reject(new Error(`PostgreSQL could not be run: ${recent.join('\n')}`)))
  })
  child.send(order, () => undefined)
  return {
    pid: await pid,
    exited,
    lastLines: () => recent.join('\n'),
    stop(mode) {
      if (child.connected) child.send({ type: 'stop', mode } satisfies KeeperOrder, () => undefined)
    },
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'

export interface Guarded {
  /** Killed with SIGKILL. */
  pid?: number
  /** Run after that, for what no pid reaches. */
  command?: string[]
  /** Removed last. */
  folder?: string
}

let guard: ChildProcess | undefined

/** Has something ended even if this process is killed; the returned function lets go of it. */
export function endWithThisProcess(what: Guarded): () => void {
  guard ??= spawnGuard()
  const id = randomUUID()
  guard.send({ id, guard: what }, () => undefined)
  return () => void guard?.send({ id }, () => undefined)
}

function spawnGuard(): ChildProcess {
  const entry = fileURLToPath(new URL('./exit-guard-main.ts', import.meta.url))
  const child = spawn(process.execPath, [entry], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.on('error', () => undefined)
  child.unref()
  child.channel?.unref()
  return child
}

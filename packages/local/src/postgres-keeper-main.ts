// Stands between the supervisor and PostgreSQL, in a process group of its own: Ctrl-C in a terminal
// does not reach PostgreSQL, and when the supervisor dies in any way the channel breaks and the
// keeper shuts PostgreSQL down. It prints nothing; PostgreSQL inherits its output.
import { type ChildProcess, spawn } from 'node:child_process'
import type { KeeperOrder, KeeperReport, StopMode } from './postgres-keeper.ts'

const signals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const satisfies Record<StopMode, string>
let postgres: ChildProcess | undefined

process.on('message', (order: KeeperOrder) => {
  if (order.type === 'stop') postgres?.kill(signals[order.mode])
  else start(order)
})
process.on('disconnect', () => {
  if (postgres === undefined) process.exit(1)
  postgres.kill('SIGINT')
})
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => postgres?.kill('SIGINT'))

function start({ command, args, ids }: Extract<KeeperOrder, { type: 'start' }>): void {
  const child = spawn(command, args, {
    ...ids,
    cwd: '/',
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  postgres = child
  child.once('spawn', () => report({ type: 'spawned', pid: Number(child.pid) }))
  child.once('error', (error) => {
    report({ type: 'failed', message: error.message })
    process.exitCode = 1
    process.disconnect?.()
  })
  child.once('exit', (code) => process.exit(code ?? 1))
}

function report(message: KeeperReport): void {
  // The supervisor may be gone; PostgreSQL is then stopping already.
  process.send?.(message, undefined, undefined, () => undefined)
}

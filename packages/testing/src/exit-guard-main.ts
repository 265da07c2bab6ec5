// Outlives the test process by a moment: when the channel to it breaks, whatever it started and did
// not stop is killed, frozen or not, and its temporary folders are removed.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { processStart, signal } from '@inventoryrpa/local'
import type { Guarded } from './exit-guard.ts'

const guarded = new Map<string, Guarded & { start?: string }>()

process.on('message', async (message: { id: string; guard?: Guarded }) => {
  if (message.guard === undefined) guarded.delete(message.id)
  else {
    const { pid } = message.guard
    const start = pid === undefined ? undefined : await processStart(pid)
    guarded.set(message.id, { ...message.guard, ...(start && { start }) })
  }
})

process.on('disconnect', async () => {
  for (const { pid, start, folder, command } of guarded.values()) {
    if (pid && start && (await processStart(pid)) === start) signal(pid, 'SIGKILL')
    if (command) spawnSync(command[0] as string, command.slice(1), { timeout: 30_000 })
    if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  process.exit(0)
})

// A Ctrl-C in the terminal is for the tests; the guard ends with their process.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined)

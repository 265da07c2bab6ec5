import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readFileIfPresent } from './private-file.ts'
import { processCommand, signal, waitUntilGone } from './process-info.ts'

/**
 * Ends a PostgreSQL that still runs on the data directory though nobody minds it any more (its
 * supervisor was killed): fast shutdown first, then harder. Only call this holding the directory's
 * lock. A pid file naming a process that is not that PostgreSQL is removed.
 */
export async function stopOrphan(realDataDir: string): Promise<void> {
  const pidFile = join(realDataDir, 'postmaster.pid')
  const text = await readFileIfPresent(pidFile)
  if (text === undefined) return
  const pid = Number(text.split('\n', 1)[0])
  const command = await processCommand(pid)
  if (!command.includes('postgres') || !command.includes(realDataDir)) {
    // PostgreSQL itself would refuse to start if an unrelated process had that pid by now.
    await rm(pidFile, { force: true })
    return
  }
  for (const [name, patience] of endings) {
    signal(pid, name)
    if (await waitUntilGone(pid, patience)) return
  }
  throw new Error(`PostgreSQL, process ${pid}, on ${realDataDir} does not end`)
}

const endings: [NodeJS.Signals, number][] = [
  ['SIGINT', 30_000],
  ['SIGQUIT', 10_000],
  ['SIGKILL', 10_000],
]

import { basename } from 'node:path'
import { parentOf, processCommand, processStart } from './process-info.ts'

const isPackageManager = (command: string) => {
  const [program = '', script = ''] = command.split(' ')
  const pattern = /^(npx|npm|pnpm)(-cli)?(\.[cm]?js)?$/
  if (pattern.test(basename(program))) return true
  return basename(program) === 'node' && pattern.test(basename(script))
}
const isShell = (command: string) => /^\S*sh -c /.test(command)

/**
 * The npx, npm and pnpm processes that `pid` runs under, with the shells between them: they are
 * expected to live as long as it does. Empty if it was started in another way.
 */
export async function packageManagersAbove(pid: number): Promise<number[]> {
  const above: number[] = []
  let managers = 0
  for (let next = await parentOf(pid); next; next = await parentOf(next)) {
    const command = await processCommand(next)
    const manager = isPackageManager(command)
    if (!manager && !isShell(command)) break
    above.push(next)
    if (manager) managers = above.length
  }
  // A shell above the outermost one is the user's and may end at any time.
  return above.slice(0, managers)
}

/**
 * Calls `onGone` when one of the processes ends. npx dies of a SIGTERM without telling pnpm, and a
 * killed pnpm tells nobody: without this the system would run on with no one to stop it.
 */
export async function watchProcesses(pids: number[], onGone: () => void): Promise<() => void> {
  const starts = await Promise.all(pids.map(processStart))
  const timer = setInterval(async () => {
    const now = await Promise.all(pids.map(processStart))
    if (now.every((start, index) => start === starts[index])) return
    clearInterval(timer)
    onGone()
  }, 1000)
  timer.unref()
  return () => clearInterval(timer)
}

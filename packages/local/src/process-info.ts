import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const hasProcFs = existsSync('/proc/self/stat')

/**
 * What tells a process from a later one with the same pid, or undefined if it is gone. A zombie
 * counts as gone: it holds nothing any more, and in a container nobody may ever reap it.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (!hasProcFs) {
    const [state = '', ...start] = (await ps(pid, 'stat=', 'lstart=')).split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : start.join(' ')
  }
  const [state, , ...fields] = await procStat(pid)
  return state === 'Z' || state === 'X' ? undefined : fields[17]
}

/** The pid of the parent, or undefined if the process is gone. */
export async function parentOf(pid: number): Promise<number | undefined> {
  const parent = hasProcFs ? (await procStat(pid))[1] : await ps(pid, 'ppid=')
  return parent ? Number(parent) : undefined
}

async function procStat(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The command name before the last parenthesis may itself hold spaces and parentheses.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** The command line of a process; empty if it is gone. */
export async function processCommand(pid: number): Promise<string> {
  if (!hasProcFs) return ps(pid, 'command=')
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return text.replaceAll('\0', ' ').trim()
}

async function ps(pid: number, ...columns: string[]): Promise<string> {
  try {
    const options = columns.flatMap((column) => ['-o', column])
    return (await run('ps', [...options, '-p', String(pid)])).stdout.trim()
  } catch {
    return ''
  }
}

/** Waits until the process is gone; false if it still runs after `timeoutMs`. */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while ((await processStart(pid)) !== undefined) {
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return true
}

/** Sends a signal; false if there is no such process. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

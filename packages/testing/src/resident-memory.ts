import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type MemoryWatch = {
  /** In MB: when it began, and at the highest. */
  stop(): Promise<{ before: number; peak: number }>
}

/** Looks at the resident memory of a process ten times a second. */
export async function watchMemory(pid: number | undefined): Promise<MemoryWatch> {
  const look = async () => {
    const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)])
    return Number(stdout) / 1_024
  }
  const before = await look()
  let peak = before
  const timer = setInterval(async () => {
    peak = Math.max(peak, await look().catch(() => 0))
  }, 100)
  return {
    stop: async () => {
      clearInterval(timer)
      return { before, peak: Math.max(peak, await look()) }
    },
  }
}

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { platform } from 'node:os'
import { promisify } from 'node:util'

const run = promisify(execFile)
const sampleEveryMs = 200

/** Megabytes (10^6 bytes), by pid. */
export type PeakMemory = Disposable & { read(): Promise<Map<number, number>> }

/** The most memory each process ever had resident: the kernel's own mark, or samples where there is none. */
export const watchPeakMemory = (pids: readonly number[]): PeakMemory =>
  platform() === 'linux' ? kernelMark(pids) : sampled(pids)

const kernelMark = (pids: readonly number[]): PeakMemory => ({
  read: async () => {
    const peaks = pids.map(async (pid): Promise<[number, number]> => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      return [pid, (Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024) / 1e6]
    })
    return new Map(await Promise.all(peaks))
  },
  [Symbol.dispose]: () => undefined,
})

const sampled = (pids: readonly number[]): PeakMemory => {
  const peaks = new Map<number, number>()
  const sample = async () => {
    const { stdout } = await run('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')])
    for (const row of stdout.trim().split('\n')) {
      const [pid, kilobytes] = row.trim().split(/\s+/).map(Number) as [number, number]
      peaks.set(pid, Math.max(peaks.get(pid) ?? 0, (kilobytes * 1_024) / 1e6))
    }
  }
  const timer = setInterval(() => sample().catch(() => undefined), sampleEveryMs)
  return {
    read: async () => {
      await sample()
      return peaks
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

import { Worker } from 'node:worker_threads'

export type LoopWatchData = { beats: Int32Array; limitMs: number; service: string }

const beatEveryMs = 1_000

/**
 * Kills the process when its event loop has been blocked for `limitMs`: from a thread of its own, since
 * the blocked one can do nothing about it, and the locks of its jobs are long in other hands.
 */
export const startLoopWatch = ({ limitMs }: { limitMs: number }): { close(): Promise<void> } => {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const timer = setInterval(() => Atomics.add(beats, 0, 1), Math.min(beatEveryMs, limitMs / 20))
  timer.unref()
  const thread = new Worker(new URL('./loop-watch-thread.ts', import.meta.url), {
    workerData: { beats, limitMs, service: 'worker' } satisfies LoopWatchData,
    execArgv: [],
    // It holds next to nothing.
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
  })
  thread.unref()
  return {
    close: async () => {
      clearInterval(timer)
      await thread.terminate()
    },
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Progress } from './progress.ts'

/** What keeps a consumer without progress from having any; `wedged` is: nothing does. */
export type Look = () => Promise<{ wedged: false } | { wedged: true; dueJobs: number }>

export type WatchdogOptions = {
  queue: string
  progress: Pick<Progress, 'steps' | 'busy'>
  look: Look
  limitMs: number
  /** Told after each look for how many seconds there has been none. */
  onWait?: (seconds: number) => void
  onWedged: (error: WorkerWedgedError) => void
}

export class WorkerWedgedError extends Error {
  readonly code = 'WORKER_WEDGED'
  override readonly name = 'WorkerWedgedError'
}

/** The last look of a wedged worker is over before the limit is. */
const looksWithinLimit = 6
const looksToBeSure = 5

/**
 * Watches a consumer whose event loop turns while nothing is done: a connection that died in silence, a
 * promise that never settles. Only a restart heals that, so it is told once, when each of several looks
 * found jobs due, everything in reach, and no progress since the look before. Looks are counted rather
 * than time, so that a process that was frozen is not wedged when it wakes.
 */
export const startWatchdog = ({
  queue,
  progress,
  look,
  limitMs,
  onWait = () => {},
  onWedged,
}: WatchdogOptions): { close(): void } => {
  const stop = new AbortController()
  const everyMs = limitMs / looksWithinLimit

  const run = async () => {
    let steps = progress.steps
    let looks = 0
    while (!stop.signal.aborted) {
      await delay(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => {})
      const quiet = () => progress.steps === steps && !progress.busy
      const found = quiet() ? await look() : undefined
      looks = found?.wedged && quiet() ? looks + 1 : 0
      steps = progress.steps
      if (stop.signal.aborted) return
      onWait((looks * everyMs) / 1_000)
      if (found?.wedged && looks >= looksToBeSure) {
        const seconds = Math.round(limitMs / 1_000)
        onWedged(
          new WorkerWedgedError(
            `nothing was done on ${queue} for ${seconds} s, although ${found.dueJobs} jobs are due and the queue and PostgreSQL answer`,
          ),
        )
        return
      }
    }
  }
  void run()
  return { close: () => stop.abort() }
}

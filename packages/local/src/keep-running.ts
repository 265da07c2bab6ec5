import { setTimeout as delay } from 'node:timers/promises'

/** Something that runs until it ends by itself or is stopped. */
export interface Running {
  exited: Promise<unknown>
  stop(): Promise<unknown>
}

export interface KeepRunningOptions<R extends Running> {
  name: string
  start: () => Promise<R>
  /** Told in a sentence whenever it ended unasked, and when it runs again. */
  onReport: (sentence: string) => void
  /** Milliseconds; the delay doubles from the first to the last and starts over after a calm time. */
  delays?: { first: number; last: number; calm: number }
}

export interface Kept<R extends Running> {
  current(): R
  stop(): Promise<void>
}

/**
 * Starts something and starts it again, after a growing delay, whenever it ends without being asked.
 * @throws what `start` throws, if the very first start fails
 */
export async function keepRunning<R extends Running>(
  options: KeepRunningOptions<R>,
): Promise<Kept<R>> {
  const { name, onReport } = options
  const { first, last, calm } = options.delays ?? { first: 1000, last: 30_000, calm: 60_000 }
  const stopping = new AbortController()
  let current = await options.start()
  let startedAt = performance.now()

  const restart = async (wait: number): Promise<boolean> => {
    try {
      await delay(wait, undefined, { signal: stopping.signal })
      current = await options.start()
      startedAt = performance.now()
      onReport(`${name} runs again`)
      return true
    } catch (error) {
      if (!stopping.signal.aborted) onReport(`${name} did not start: ${messageOf(error)}`)
      return false
    }
  }
  const watch = async () => {
    let wait = first
    while (!stopping.signal.aborted) {
      const exit = await current.exited
      if (stopping.signal.aborted) return
      if (performance.now() - startedAt > calm) wait = first
      do {
        onReport(
          `${name} ended unexpectedly${describe(exit)}; starting it again in ${wait / 1000} s`,
        )
        const running = await restart(wait)
        wait = Math.min(wait * 2, last)
        if (running) break
      } while (!stopping.signal.aborted)
    }
  }
  const watched = watch()
  return {
    current: () => current,
    async stop() {
      stopping.abort()
      await current.stop()
      // A restart may be under way: it is waited for and stopped, not left behind.
      await watched
      await current.stop()
    },
  }
}

function describe(exit: unknown): string {
  if (typeof exit !== 'object' || exit === null) return ''
  const { code, signal } = exit as { code?: number | null; signal?: string | null }
  if (signal) return ` (${signal})`
  return code === undefined || code === null ? '' : ` (exit code ${code})`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Bounds, freshTuning, nextConcurrency, type Tuning } from './next-concurrency.ts'

/** What is known at one moment. */
export type Reading = {
  /** Lines that all workers have settled since the reading before. */
  systemLines: number
  jobsWait: boolean
  databaseMs: number
}

export type TunerOptions = {
  bounds: Bounds
  read: () => Promise<Reading>
  onChange: (concurrency: number) => void
}

export type Tuner = {
  /** @param attempt with the lines that this worker has settled in its life so far */
  onAttempt(attempt: { seconds: number; outcome: string; ownLines: number }): void
  close(): void
}

const sampleMs = 1_000
/** Attempts that settle something, in a sample: fewer are chance, the more so the more run at once. */
const settlingAttempts = (concurrency: number) => 2 + 2 * concurrency
/** After so long without an attempt the next work may be of another kind. */
const idleMs = 10_000

/**
 * Takes samples while a consumer works, and says how many jobs it should have in hand. Lines are counted
 * by thousands at once, when a job settles its chunk and those that wait, and the jobs of these then
 * settle nothing: so a sample begins and ends with an attempt that did. After a change the attempts
 * that began before it are let pass. All begins anew after a pause, and after an outage, so that what
 * was away does not come back to full pressure.
 */
export const createTuner = ({ bounds, read, onChange }: TunerOptions): Tuner => {
  const loop = monitorEventLoopDelay({ resolution: 10 })
  loop.enable()
  let tuning = freshTuning(bounds)
  let begin: { at: number; ownLines: number; jobsWait: boolean } | undefined
  let lines = 0
  let settling = 0
  let toPass = 0
  let isReading = false
  let lastEnd = performance.now()

  const move = (next: Tuning) => {
    if (next.concurrency !== tuning.concurrency) {
      toPass = Math.max(next.concurrency, tuning.concurrency)
      begin = undefined
      onChange(next.concurrency)
    }
    tuning = next
  }
  const startAnew = () => {
    begin = undefined
    move(freshTuning(bounds))
  }
  const endSample = async () => {
    const from = begin
    const at = performance.now()
    const ownLines = lines
    settling = 0
    const { systemLines, jobsWait, databaseMs } = await read()
    // It began anew meanwhile.
    if (begin !== from) return
    begin = { at, ownLines, jobsWait }
    const loopDelayMs = loop.percentile(99) / 1e6
    loop.reset()
    if (!from) return
    const seconds = (at - from.at) / 1_000
    const sample = {
      own: (ownLines - from.ownLines) / seconds,
      system: systemLines / seconds,
      waiting: from.jobsWait && jobsWait,
      databaseMs,
      loopDelayMs,
    }
    move(nextConcurrency(tuning, sample, bounds))
  }

  return {
    onAttempt: ({ seconds, outcome, ownLines }) => {
      const now = performance.now()
      const idle = now - lastEnd - seconds * 1_000 > idleMs
      lastEnd = now
      const settled = ownLines > lines
      lines = ownLines
      if (idle || outcome === 'outage') return startAnew()
      if (toPass > 0) {
        toPass -= 1
        return
      }
      if (!settled || isReading) return
      settling += 1
      const enough = settlingAttempts(tuning.concurrency)
      if (begin && (now - begin.at < sampleMs || settling < enough)) return
      isReading = true
      endSample()
        .catch(startAnew)
        .finally(() => {
          isReading = false
        })
    },
    close: () => loop.disable(),
  }
}

import type { Queue } from 'bullmq'

export type DueJobs = {
  /** Jobs that a worker could take now. */
  due: number
  /** Seconds for which the queue is held because of an outage. */
  heldSeconds: number
}

export const readHeldSeconds = async (queue: Queue): Promise<number> =>
  Math.max(0, await queue.getRateLimitTtl()) / 1_000

/** Jobs of a paused queue wait, but are not due; nor are those of a queue that is held. */
export const measureDueJobs = async (queue: Queue): Promise<DueJobs> => {
  const [jobs, heldSeconds, paused] = await Promise.all([
    queue.getJobCounts('waiting', 'prioritized'),
    readHeldSeconds(queue),
    queue.isPaused(),
  ])
  const waiting = (jobs.waiting ?? 0) + (jobs.prioritized ?? 0)
  return { due: paused || heldSeconds > 0 ? 0 : waiting, heldSeconds }
}

import type { Queue } from 'bullmq'

/** The jobs of a paused queue count as waiting: BullMQ keeps them there. */
const states = ['waiting', 'active', 'delayed', 'prioritized', 'failed', 'completed'] as const

export type QueueCounts = { queue: string; state: (typeof states)[number]; jobs: number }[]

/** How many jobs each queue has in each state. */
export const measureQueues = async (queues: readonly Queue[]): Promise<QueueCounts> => {
  const counts = await Promise.all(
    queues.map(async (queue) => {
      const jobs = await queue.getJobCounts(...states)
      return states.map((state) => ({ queue: queue.name, state, jobs: jobs[state] ?? 0 }))
    }),
  )
  return counts.flat()
}

import { type SubmitSyncJob, submitSyncJob } from '@inventoryrpa/contracts'
import type { Queue } from 'bullmq'
import { jobNames } from './names.ts'
import { backoff, type RetryPolicy } from './retry-policy.ts'

/** What BullMQ calls a job scheduler: it makes a job each time. */
export type QueueSchedule = {
  id: string
  everySeconds: number | null
  cron: string | null
  timeZone: string | null
}

/** Makes the queue's schedules what they should be, all of them or one. */
export type Schedules = {
  /** Made once, however often it is told; told otherwise, it is replaced. */
  put(schedule: QueueSchedule): Promise<void>
  remove(id: string): Promise<void>
  /** Adds those that the queue has lost, and removes those that are no longer wanted. @returns how many it changed */
  reconcile(wanted: readonly QueueSchedule[]): Promise<number>
}

/** Schedulers that one look reads. */
const mostSchedulers = 10_000

export const createSchedules = (queue: Queue, policy: RetryPolicy): Schedules => {
  const put = async ({ id, everySeconds, cron, timeZone }: QueueSchedule) => {
    const rhythm =
      cron === null
        ? { every: (everySeconds ?? 0) * 1_000 }
        : { pattern: cron, tz: timeZone ?? 'UTC' }
    await queue.upsertJobScheduler(id, rhythm, {
      name: jobNames.submitSync,
      data: submitSyncJob.parse({ v: 1, scheduleId: id }) satisfies SubmitSyncJob,
      opts: {
        attempts: policy.attempts,
        backoff,
        removeOnComplete: { count: 100 },
        removeOnFail: { count: 100 },
      },
    })
  }
  const remove = async (id: string) => {
    await queue.removeJobScheduler(id)
  }
  return {
    put,
    remove,
    reconcile: async (wanted) => {
      const known = await queue.getJobSchedulers(0, mostSchedulers)
      const knownIds = new Set(known.map((it) => it.key))
      const wantedIds = new Set(wanted.map((it) => it.id))
      const lost = wanted.filter((it) => !knownIds.has(it.id))
      const unwanted = [...knownIds].filter((id) => !wantedIds.has(id))
      for (const schedule of lost) await put(schedule)
      for (const id of unwanted) await remove(id)
      return lost.length + unwanted.length
    },
  }
}

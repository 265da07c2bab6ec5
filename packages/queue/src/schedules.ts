import { type SubmitSyncJob, submitSyncJob } from '@inventoryrpa/contracts'
import type { JobSchedulerJson, Queue } from 'bullmq'
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
  /** Puts those that the queue has lost or keeps otherwise, and removes those that are no longer wanted. @returns how many it changed */
  reconcile(wanted: readonly QueueSchedule[]): Promise<number>
}

/** Schedulers that one look reads. */
const mostSchedulers = 10_000

export const createSchedules = (queue: Queue, policy: RetryPolicy): Schedules => {
  const put = async (schedule: QueueSchedule) => {
    await queue.upsertJobScheduler(schedule.id, rhythmOf(schedule), {
      name: jobNames.submitSync,
      data: submitSyncJob.parse({ v: 1, scheduleId: schedule.id }) satisfies SubmitSyncJob,
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
      const schedulers = await queue.getJobSchedulers(0, mostSchedulers)
      const known = new Map(schedulers.map((it) => [it.key, it]))
      const wantedIds = new Set(wanted.map((it) => it.id))
      const wrong = wanted.filter((it) => !keeps(known.get(it.id), rhythmOf(it)))
      const unwanted = [...known.keys()].filter((id) => !wantedIds.has(id))
      for (const schedule of wrong) await put(schedule)
      for (const id of unwanted) await remove(id)
      return wrong.length + unwanted.length
    },
  }
}

type Rhythm = { every: number } | { pattern: string; tz: string }

const rhythmOf = ({ everySeconds, cron, timeZone }: QueueSchedule): Rhythm =>
  cron === null ? { every: (everySeconds ?? 0) * 1_000 } : { pattern: cron, tz: timeZone ?? 'UTC' }

/** Redis gives numbers back as text. */
const keeps = (known: JobSchedulerJson | undefined, rhythm: Rhythm) =>
  known !== undefined &&
  ('every' in rhythm
    ? Number(known.every) === rhythm.every
    : known.pattern === rhythm.pattern && known.tz === rhythm.tz)

import { type ApplyChunkJob, applyChunkJob, type ReleaseHeldJob } from '@inventoryrpa/contracts'
import type { BulkJobOptions, Job, Queue } from 'bullmq'
import type { QueueBackend } from './backend.ts'
import { chunkJobId, jobNames, queueNames } from './names.ts'
import { backoff, type RetryPolicy } from './retry-policy.ts'
import { createSchedules, type Schedules } from './schedules.ts'

type ChunkRef = { batchId: string; chunk: number; queue: keyof typeof queueNames }

export type EnqueueOptions = {
  /** Have them applied in a process of their own. */
  isolated?: boolean
}

export type Producer = {
  /** For Bull Board and for counting. */
  readonly queues: readonly Queue[]
  /**
   * Adds a job for each chunk; one that is there already stays as it is. An error means that some
   * may have been added and some not: the relay adds what is missing.
   */
  enqueueChunks(chunks: readonly ChunkRef[], options?: EnqueueOptions): Promise<void>
  /**
   * Makes sure that the queue will run each of these unsettled chunks: adds those it does not know
   * (Redis was emptied, or the first adding failed), and runs again those it takes for finished.
   * @returns how many it added or revived
   */
  reconcileChunks(chunks: readonly ChunkRef[]): Promise<number>
  /** Asks the stock source again for lines that are held. */
  releaseHeld(chunks: readonly Omit<ChunkRef, 'queue'>[]): Promise<void>
  readonly schedules: Schedules
  close(): Promise<void>
}

/** Finished jobs stay visible for a while, within bounds. */
const keepCompleted = { age: 3_600, count: 1_000 }
const keepFailed = { age: 30 * 86_400, count: 10_000 }

export const createProducer = (backend: QueueBackend, policy: RetryPolicy): Producer => {
  const queues = {
    apply: backend.openQueue(queueNames.apply),
    sync: backend.openQueue(queueNames.sync),
  }
  const options: BulkJobOptions = {
    attempts: policy.attempts,
    backoff,
    removeOnComplete: keepCompleted,
    removeOnFail: keepFailed,
  }
  const enqueueChunks: Producer['enqueueChunks'] = async (chunks, { isolated = false } = {}) => {
    for (const [name, queue] of Object.entries(queues)) {
      const own = chunks.filter((chunk) => chunk.queue === name)
      if (own.length === 0) continue
      await queue.addBulk(
        own.map(({ batchId, chunk }) => ({
          name: jobNames.applyChunk,
          data: applyChunkJob.parse({
            v: 1,
            batchId,
            chunk,
            ...(isolated && { isolated }),
          }) satisfies ApplyChunkJob,
          opts: { ...options, jobId: chunkJobId({ batchId, chunk }) },
        })),
      )
    }
  }

  return {
    queues: Object.values(queues),
    schedules: createSchedules(queues.sync, policy),
    enqueueChunks,
    reconcileChunks: async (chunks) => {
      const known = await Promise.all(
        chunks.map(
          async (chunk): Promise<Job | undefined> => queues[chunk.queue].getJob(chunkJobId(chunk)),
        ),
      )
      const finished = known.filter((job) => job?.finishedOn !== undefined)
      await Promise.all(finished.map((job) => revive(job as Job)))
      const missing = chunks.filter((_, index) => known[index] === undefined)
      if (missing.length > 0) await enqueueChunks(missing)
      return missing.length + finished.length
    },
    releaseHeld: async (chunks) => {
      await queues.sync.addBulk(
        chunks.map(({ batchId, chunk }) => ({
          name: jobNames.releaseHeld,
          data: { v: 1, batchId, chunk } satisfies ReleaseHeldJob,
          opts: {
            jobId: `${chunkJobId({ batchId, chunk })}-held`,
            // Whatever comes of it, the next look asks again under the same id.
            removeOnComplete: true,
            removeOnFail: true,
          },
        })),
      )
    },
    close: async () => {
      await Promise.all(Object.values(queues).map((queue) => queue.close()))
    },
  }
}

/** A job that ended although its chunk did not: completed by a rolled-back Redis, or failed by stalling. */
const revive = async (job: Job) => {
  const state = await job.getState()
  if (state === 'failed' || state === 'completed') {
    await job.retry(state, { resetAttemptsMade: true, resetAttemptsStarted: true })
  }
}

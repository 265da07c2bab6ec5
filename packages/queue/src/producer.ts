import {
  type ApplyChunkJob,
  applyChunkJob,
  type DeliverWebhookJob,
  type QueueKind,
  queueKinds,
  type ReleaseHeldJob,
} from '@inventoryrpa/contracts'
import type { BulkJobOptions, Job, Queue } from 'bullmq'
import type { QueueBackend } from './backend.ts'
import { readHeldSeconds } from './due-jobs.ts'
import { chunkJobId, jobNames, queueNames, webhookJobId, webhookQueueName } from './names.ts'
import { backoff, freshAttempts, type RetryPolicy } from './retry-policy.ts'
import { createSchedules, type Schedules } from './schedules.ts'
import { createTagShift } from './tag-shift.ts'
import { readVirtualTime } from './virtual-time.ts'

type ChunkRef = { batchId: string; chunk: number }

export type QueuedChunk = ChunkRef & {
  queue: QueueKind
  /** Its turn: the lowest runs first, and a chunk without one before all that have one. */
  tag?: number | undefined
  /** It is not run before. */
  notBefore?: Date | null | undefined
  /** It may end the process that applies it, and gets one of its own. */
  suspect?: boolean | undefined
}

export type Producer = {
  /** For Bull Board and for counting. */
  readonly queues: readonly Queue[]
  /**
   * Adds a job for each chunk; one that is there already stays as it is. An error means that some
   * may have been added and some not: the relay adds what is missing.
   */
  enqueueChunks(chunks: readonly QueuedChunk[]): Promise<void>
  /**
   * Makes sure that the queue will run each of these unsettled chunks: adds those it does not know
   * (Redis was emptied, or the first adding failed), runs again those it takes for finished, and
   * replaces those of them that this release cannot read.
   * @param place gives those that are added their tags
   * @returns how many it added or revived
   */
  reconcileChunks<Chunk extends QueuedChunk>(
    chunks: readonly Chunk[],
    place?: (missing: readonly Chunk[]) => Promise<readonly QueuedChunk[]>,
  ): Promise<number>
  /** Chunks that workers have in hand, or had when they ended: some, the longest first. */
  listInHand(): Promise<(ChunkRef & { queue: QueueKind })[]>
  /** Asks the stock source again for lines that are held. */
  releaseHeld(chunks: readonly ChunkRef[]): Promise<void>
  /** Adds a job for each attempt that is due; one that is there already stays as it is. */
  deliverWebhooks(due: readonly { id: string; attempt: number }[]): Promise<void>
  readonly schedules: Schedules
  /** Seconds for which a queue is held because what it needs is away; 0 when it is not. */
  heldSeconds(queue: QueueKind): Promise<number>
  /** The tag that runs next; 0 when nothing waits. */
  virtualTime(queue: QueueKind): Promise<number>
  /**
   * Before the tags of a queue that is never empty run out: takes what the queue stands at from all of
   * them. @returns how many it changed
   */
  shiftTags(): Promise<number>
  close(): Promise<void>
}

/** Of one queue; more than its workers together. */
const mostInHand = 200

/** Finished jobs stay visible for a while, within bounds. */
const keepCompleted = { age: 3_600, count: 1_000 }
const keepFailed = { age: 30 * 86_400, count: 10_000 }

/** A clock of the queue may be ahead of PostgreSQL's, which decides. */
const clockSkewMs = 50

export const createProducer = (backend: QueueBackend, policy: RetryPolicy): Producer => {
  const queues: Record<QueueKind, Queue> = {
    apply: backend.openQueue(queueNames.apply),
    express: backend.openQueue(queueNames.express),
    sync: backend.openQueue(queueNames.sync),
    plan: backend.openQueue(queueNames.plan),
  }
  const webhooks = backend.openQueue(webhookQueueName)
  const shifts = Object.values(queues).map((queue) => createTagShift(queue))
  const options: BulkJobOptions = {
    attempts: policy.attempts,
    backoff,
    removeOnComplete: keepCompleted,
    removeOnFail: keepFailed,
  }
  const enqueueChunks: Producer['enqueueChunks'] = async (chunks) => {
    for (const [kind, queue] of Object.entries(queues)) {
      const own = chunks.filter((chunk) => chunk.queue === kind)
      const jobs = own.map((chunk) => jobOf(chunk, options))
      const [first] = jobs
      if (!first) continue
      // addBulk takes twice the time for one job, and most batches are one.
      if (jobs.length === 1) await queue.add(first.name, first.data, first.opts)
      else await queue.addBulk(jobs)
    }
  }

  return {
    queues: [...Object.values(queues), webhooks],
    schedules: createSchedules(queues.sync, policy),
    enqueueChunks,
    reconcileChunks: async (unsettled, place = async (missing) => missing) => {
      // A queue of a later release is that release's to fill.
      const chunks = unsettled.filter(({ queue }) => Object.hasOwn(queues, queue))
      const known = await Promise.all(
        chunks.map(
          async (chunk): Promise<Job | undefined> => queues[chunk.queue].getJob(chunkJobId(chunk)),
        ),
      )
      const finished = known.filter(
        (job, index) => job?.finishedOn !== undefined && isDue(chunks[index]),
      ) as Job[]
      const readable = finished.filter((job) => applyChunkJob.safeParse(job.data).success)
      await Promise.all(readable.map(revive))
      // What a later release wrote into a job says no more than the ledger does.
      const unreadable = finished.filter((job) => !readable.includes(job))
      await Promise.all(unreadable.map((job) => job.remove().catch(() => undefined)))
      const missing = chunks.filter((_, index) => {
        const job = known[index]
        return job === undefined || unreadable.includes(job)
      })
      if (missing.length > 0) await enqueueChunks(await place(missing))
      return missing.length + readable.length
    },
    listInHand: async () => {
      const inHand = queueKinds.map(async (queue) =>
        (await queues[queue].getActive(0, mostInHand - 1)).flatMap((job) => {
          const { data } = applyChunkJob.safeParse(job?.data)
          return data ? [{ batchId: data.batchId, chunk: data.chunk, queue }] : []
        }),
      )
      return (await Promise.all(inHand)).flat()
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
    deliverWebhooks: async (due) => {
      if (due.length === 0) return
      await webhooks.addBulk(
        due.map((delivery) => ({
          name: jobNames.deliverWebhook,
          data: { v: 1, deliveryId: delivery.id } satisfies DeliverWebhookJob,
          opts: {
            ...options,
            jobId: webhookJobId(delivery),
            // The ledger has the log. Whatever comes of it, one that is due is added again.
            removeOnComplete: true,
            removeOnFail: true,
          },
        })),
      )
    },
    heldSeconds: (queue) => readHeldSeconds(queues[queue]),
    virtualTime: (queue) => readVirtualTime(queues[queue]),
    shiftTags: async () => {
      let shifted = 0
      for (const shift of shifts) shifted += await shift()
      return shifted
    },
    close: async () => {
      await Promise.all([...Object.values(queues), webhooks].map((queue) => queue.close()))
    },
  }
}

const jobOf = (
  { batchId, chunk, tag, notBefore, suspect = false }: QueuedChunk,
  options: BulkJobOptions,
) => {
  const delayMs = notBefore ? notBefore.getTime() - Date.now() : 0
  return {
    name: jobNames.applyChunk,
    data: applyChunkJob.parse({
      v: 1,
      batchId,
      chunk,
      ...(suspect && { isolated: true }),
    }) satisfies ApplyChunkJob,
    opts: {
      ...options,
      jobId: chunkJobId({ batchId, chunk }),
      ...(tag !== undefined && { priority: tag }),
      ...(delayMs > 0 && { delay: delayMs + clockSkewMs }),
    },
  }
}

const isDue = (chunk: QueuedChunk | undefined) => !chunk?.notBefore || chunk.notBefore <= new Date()

/** A job that ended although its chunk did not: completed by a rolled-back Redis, or failed by stalling. */
const revive = async (job: Job) => {
  const state = await job.getState()
  if (state === 'failed' || state === 'completed') {
    await job.retry(state, freshAttempts)
  }
}

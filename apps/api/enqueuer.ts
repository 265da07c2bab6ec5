import { type Batch, type QueueKind, queueKinds } from '@inventoryrpa/contracts'
import {
  type AcceptedChunk,
  cancelChunks,
  countLinesAhead,
  countTenantBacklog,
  type LedgerDatabase,
  type ScheduleTime,
} from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import {
  createTenantPositions,
  type Producer,
  placeChunks,
  type QueuedChunk,
  watchVirtualTime,
} from '@inventoryrpa/queue'

export type CommittedBatch = { batch: Batch; chunks: readonly AcceptedChunk[] }

export type Enqueuer = {
  /** Adds the chunks of a committed batch to the queue, without keeping its sender waiting. */
  enqueue(tenantId: number, committed: CommittedBatch): void
  /** Has the queue run chunks again that are pending again. */
  redrive(chunks: readonly AcceptedChunk[]): void
  /** Gives the lines of a batch that was called off their outcome; the relay goes on with what is left. */
  cancel(batchId: string): void
  /** Seconds until chunks that need the stock source are tried again, while it is down; else 0. */
  sourceHeldSeconds(): Promise<number>
  /** Has the queue keep a schedule's time. */
  putSchedule(schedule: ScheduleTime): void
  removeSchedule(id: string): void
  /** Waits for what is under way. */
  drain(): Promise<void>
}

export type EnqueuerDeps = { db: LedgerDatabase; producer: Producer; logger: Logger }

/** Added by one command: an upload may have ten thousand. */
const pageChunks = 500

/**
 * The 202 is already true: PostgreSQL has the batch. When the queue is away, or this process ends
 * here, the relay enqueues it later, so a failure is only a delay.
 */
export const createEnqueuer = ({ db, producer, logger }: EnqueuerDeps): Enqueuer => {
  const underWay = new Set<Promise<unknown>>()
  const inBackground = (
    adding: Promise<unknown>,
    batchId: string | undefined,
    what = 'not enqueued',
  ) => {
    const added: Promise<unknown> = adding
      .catch((error: unknown) => logger.warn({ err: error, batchId }, `${what}; the relay will`))
      .finally(() => underWay.delete(added))
    underWay.add(added)
  }

  const positionsIn = (queue: QueueKind) =>
    createTenantPositions({
      virtualTime: watchVirtualTime(() => producer.virtualTime(queue)),
      countBacklog: (tenantId, besides) => countTenantBacklog(db, { tenantId, queue, besides }),
    })
  const positions = {
    apply: positionsIn('apply'),
    express: positionsIn('express'),
    sync: positionsIn('sync'),
    plan: positionsIn('plan'),
  } satisfies Record<QueueKind, unknown>

  const place = async (
    tenantId: number,
    { batch: { id, priority }, chunks }: CommittedBatch,
  ): Promise<QueuedChunk[]> => {
    const placed = queueKinds.map(async (kind) => {
      const own = chunks.filter(({ queue }) => queue === kind)
      if (own.length === 0) return []
      const chunkLines = own.map(({ lines }) => lines)
      const tags = await positions[kind].place(id, { tenantId, priority, chunkLines })
      return own.map((chunk, index) => ({ ...chunk, tag: tags[index] }))
    })
    return (await Promise.all(placed)).flat()
  }
  const add = async (tenantId: number, committed: CommittedBatch) => {
    const { batch, chunks } = committed
    const notBefore = batch.notBefore === null ? undefined : new Date(batch.notBefore)
    const isScheduled = notBefore !== undefined && notBefore > new Date()
    // What is scheduled gets its tag when its time has come.
    const placed = isScheduled ? chunks : await place(tenantId, committed)
    for (let from = 0; from < placed.length; from += pageChunks) {
      const page = placed.slice(from, from + pageChunks)
      await producer.enqueueChunks(
        page.map((chunk) => (chunk.queue === 'plan' ? chunk : { ...chunk, notBefore })),
      )
    }
  }
  const placeAnew = (chunks: readonly AcceptedChunk[]) =>
    placeChunks(
      {
        virtualTime: producer.virtualTime,
        countLinesAhead: (refs) => countLinesAhead(db, refs),
      },
      chunks,
    )

  return {
    enqueue: (tenantId, committed) => inBackground(add(tenantId, committed), committed.batch.id),
    redrive: (chunks) => {
      if (chunks.length > 0) {
        inBackground(producer.reconcileChunks(chunks, placeAnew), chunks[0]?.batchId)
      }
    },
    cancel: (batchId) => {
      const cancelling = async () => {
        while ((await cancelChunks(db, batchId)) > 0) logger.debug({ batchId }, 'chunks cancelled')
      }
      inBackground(cancelling(), batchId, 'not cancelled')
    },
    // What cannot be known is not worth a word: the batch is accepted either way.
    sourceHeldSeconds: () => producer.heldSeconds('sync').catch(() => 0),
    putSchedule: (schedule) => inBackground(producer.schedules.put(schedule), undefined),
    removeSchedule: (id) => inBackground(producer.schedules.remove(id), undefined),
    drain: async () => {
      await Promise.allSettled(underWay)
    },
  }
}

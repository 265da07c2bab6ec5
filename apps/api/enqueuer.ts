import type { AcceptedChunk, ScheduleRow } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'

export type Enqueuer = {
  /** Adds the chunks of a committed batch to the queue, without keeping its sender waiting. */
  enqueue(chunks: readonly AcceptedChunk[]): void
  /** Has the queue run chunks again that are pending again. */
  redrive(chunks: readonly AcceptedChunk[]): void
  /** Has the queue keep a schedule's time. */
  putSchedule(schedule: ScheduleRow): void
  removeSchedule(id: string): void
  /** Waits for what is under way. */
  drain(): Promise<void>
}

/**
 * The 202 is already true: PostgreSQL has the batch. When the queue is away, or this process ends
 * here, the relay enqueues it later, so a failure is only a delay.
 */
export const createEnqueuer = (producer: Producer, logger: Logger): Enqueuer => {
  const underWay = new Set<Promise<unknown>>()
  const inBackground = (adding: Promise<unknown>, batchId: string | undefined) => {
    const added: Promise<unknown> = adding
      .catch((error: unknown) =>
        logger.warn({ err: error, batchId }, 'not enqueued; the relay will'),
      )
      .finally(() => underWay.delete(added))
    underWay.add(added)
  }
  return {
    enqueue: (chunks) => inBackground(producer.enqueueChunks(chunks), chunks[0]?.batchId),
    redrive: (chunks) => {
      if (chunks.length > 0) inBackground(producer.reconcileChunks(chunks), chunks[0]?.batchId)
    },
    putSchedule: ({ id, every_seconds, cron, time_zone }) =>
      inBackground(
        producer.schedules.put({ id, everySeconds: every_seconds, cron, timeZone: time_zone }),
        undefined,
      ),
    removeSchedule: (id) => inBackground(producer.schedules.remove(id), undefined),
    drain: async () => {
      await Promise.allSettled(underWay)
    },
  }
}

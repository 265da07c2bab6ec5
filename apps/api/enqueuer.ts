import type { AcceptedChunk } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'

export type Enqueuer = {
  /** Adds the chunks of a committed batch to the queue, without keeping its sender waiting. */
  enqueue(chunks: readonly AcceptedChunk[]): void
  /** Has the queue run chunks again that are pending again. */
  redrive(chunks: readonly AcceptedChunk[]): void
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
    drain: async () => {
      await Promise.allSettled(underWay)
    },
  }
}

import type { Logger } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'

export type Enqueuer = {
  /** Adds the chunks of a committed batch to the queue, without keeping its sender waiting. */
  enqueue(batchId: string, chunks: number): void
  /** Has the queue run chunks again that are pending again. */
  redrive(chunks: readonly { batchId: string; chunk: number }[]): void
  /** Waits for what is under way. */
  drain(): Promise<void>
}

/**
 * The 202 is already true: PostgreSQL has the batch. When the queue is away, or this process ends
 * here, the relay enqueues it later, so a failure is only a delay.
 */
export const createEnqueuer = (producer: Producer, logger: Logger): Enqueuer => {
  const underWay = new Set<Promise<unknown>>()
  const inBackground = (adding: Promise<unknown>, context: Record<string, unknown>) => {
    const added: Promise<unknown> = adding
      .catch((error: unknown) =>
        logger.warn({ err: error, ...context }, 'not enqueued; the relay will'),
      )
      .finally(() => underWay.delete(added))
    underWay.add(added)
  }
  return {
    enqueue: (batchId, chunks) => {
      const refs = Array.from({ length: chunks }, (_, chunk) => ({ batchId, chunk }))
      inBackground(producer.enqueueChunks(refs), { batchId })
    },
    redrive: (chunks) => {
      if (chunks.length > 0) inBackground(producer.reconcileChunks(chunks), {})
    },
    drain: async () => {
      await Promise.allSettled(underWay)
    },
  }
}

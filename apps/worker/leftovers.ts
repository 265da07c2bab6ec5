import type { QueueKind } from '@inventoryrpa/contracts'
import { type LedgerDatabase, suspectChunks } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'

/**
 * Whoever starts may follow a worker that a chunk has ended. The queue finds out about that one's jobs
 * after some seconds only, and until then every other worker would take their chunks along with what
 * waits in front of them, and end as well. So what the queue has in hand and no transaction has is
 * applied alone from now on.
 */
export const suspectLeftovers = async (
  { db, producer, logger }: { db: LedgerDatabase; producer: Producer; logger: Logger },
  maxLinesTogether: Record<QueueKind, number>,
): Promise<void> => {
  try {
    for (const { queue, ...ref } of await producer.listInHand()) {
      const suspects = await suspectChunks(db, ref, maxLinesTogether[queue])
      if (suspects > 0) logger.info({ ...ref, chunks: suspects }, 'left by a worker that ended')
    }
  } catch (err) {
    logger.warn({ err }, 'could not see what was left by others')
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import {
  advanceRedrives,
  dropOldIdempotencyKeys,
  type LedgerDatabase,
  listUnsettledChunks,
  withLeadership,
} from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'

export type RelayDeps = { db: LedgerDatabase; producer: Producer; logger: Logger; metrics: Metrics }
export type Relay = { close(): Promise<void> }

/** A chunk this old should have reached the queue: its API enqueues right after the commit. */
const minAgeMs = 2_000
const sweepEveryMs = 2_000
/** Chunks compared with the queue in one sweep; the next sweep goes on behind them. */
const pageSize = 2_000

/**
 * Brings back what the queue lost: batches whose API could not enqueue them or died before it did,
 * and everything when Redis was emptied or went back in time. PostgreSQL says what is unsettled; the
 * queue is asked whether it knows. One worker at a time does it, whoever is free.
 */
export const startRelay = ({ db, producer, logger, metrics }: RelayDeps): Relay => {
  const stop = new AbortController()
  let after: { batchId: string; chunk: number } | undefined

  const sweep = async () => {
    const chunks = await listUnsettledChunks(db, { olderThanMs: minAgeMs, limit: pageSize, after })
    after = chunks.length === pageSize ? chunks.at(-1) : undefined
    if (chunks.length === 0) return
    const relayed = await producer.reconcileChunks(chunks)
    if (relayed === 0) return
    metrics.relayed.inc(relayed)
    logger.info({ chunks: relayed }, 'chunks brought back to the queue')
  }

  const redrive = async () => {
    for (const { redrive, chunks } of await advanceRedrives(db)) {
      if (chunks.length > 0) await producer.reconcileChunks(chunks)
      if (redrive.endedAt) logger.info({ redrive: redrive.id, ...redrive }, 'redrive ended')
    }
  }

  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        await withLeadership(db, async () => {
          await sweep()
          await redrive()
          await dropOldIdempotencyKeys(db)
        })
      } catch (error) {
        logger.warn({ err: error }, 'the relay could not look; it tries again')
      }
      await delay(sweepEveryMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  }
  const running = run()

  return {
    close: async () => {
      stop.abort()
      await running
    },
  }
}

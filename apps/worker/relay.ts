import { setTimeout as delay } from 'node:timers/promises'
import {
  advanceRedrives,
  cancelChunks,
  claimHeldChunks,
  claimRecounts,
  dropOldDeliveries,
  dropOldEvents,
  dropOldFailedAttempts,
  dropOldIdempotencyKeys,
  expireDeliveries,
  type LedgerDatabase,
  listBeingCancelled,
  listScheduleTimes,
  listUnsettledChunks,
  recount,
  withLeadership,
} from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'
import type { StockSource } from '@inventoryrpa/stock-source'
import { readSource } from './source-readings.ts'
import { createPlace } from './turns.ts'
import { dispatchWebhooks } from './webhook-dispatch.ts'

export type RelayDeps = {
  db: LedgerDatabase
  producer: Producer
  logger: Logger
  metrics: Metrics
  /** Absent: this worker has none configured, and leaves to others what needs one. */
  source: StockSource | undefined
  recountAfterSeconds: number
}
export type Relay = { close(): Promise<void> }

/** A chunk this old should have reached the queue: its API enqueues right after the commit. */
const minAgeMs = 2_000
const sweepEveryMs = 2_000
/** Chunks compared with the queue in one sweep; the next sweep goes on behind them. */
const pageSize = 2_000
const heldPageSize = 200
const dropEveryMs = 60_000
const recountPageSize = 500

/**
 * Brings back what the queue lost: batches whose API could not enqueue them or died before it did,
 * and everything when Redis was emptied or went back in time. PostgreSQL says what is unsettled; the
 * queue is asked whether it knows. One worker at a time does it, whoever is free.
 */
export const startRelay = ({
  db,
  producer,
  logger,
  metrics,
  source,
  recountAfterSeconds,
}: RelayDeps): Relay => {
  const stop = new AbortController()
  const place = createPlace({ db, producer })
  let droppedAt = Number.NEGATIVE_INFINITY
  let after: { batchId: string; chunk: number } | undefined

  const sweep = async () => {
    const chunks = await listUnsettledChunks(db, { olderThanMs: minAgeMs, limit: pageSize, after })
    after = chunks.length === pageSize ? chunks.at(-1) : undefined
    if (chunks.length === 0) return
    const relayed = await producer.reconcileChunks(chunks, place)
    if (relayed === 0) return
    metrics.relayed.inc(relayed)
    logger.info({ chunks: relayed }, 'chunks brought back to the queue')
  }

  /** Not as the leader: many may be open, and each is taken by one process at a time anyway. */
  const redrive = async () => {
    for (const { redrive, chunks } of await advanceRedrives(db)) {
      if (chunks.length > 0) await producer.reconcileChunks(chunks, place)
      if (redrive.endedAt) logger.info({ redrive: redrive.id, ...redrive }, 'redrive ended')
    }
  }

  /** What was in hand when its batch was called off, and what the API could not see to. */
  const cancel = async () => {
    for (const batchId of await listBeingCancelled(db)) {
      while ((await cancelChunks(db, batchId)) > 0) if (stop.signal.aborted) return
    }
  }

  const releaseHeld = async () => {
    if (!source?.availability().available) return
    const chunks = await claimHeldChunks(db, heldPageSize)
    if (chunks.length > 0) await producer.releaseHeld(chunks)
  }

  /** Not as the leader: a source may take seconds, and a leader's transaction may not. */
  const recountDue = async () => {
    if (!source?.availability().available) return
    const limits = { afterSeconds: recountAfterSeconds, limit: recountPageSize }
    for (const due of await claimRecounts(db, limits)) {
      const about = { tenantId: due.tenantId, levels: due.keys.length }
      try {
        const agreed = await recount(db, due, await readSource(source, due.keys))
        logger.info({ ...about, agreed }, 'discrepancies recounted')
      } catch (err) {
        // The other tenants' are claimed as well, and would wait for as long again.
        logger.warn({ ...about, err }, 'discrepancies not recounted')
      }
    }
  }

  const reconcileSchedules = async () => {
    const changed = await producer.schedules.reconcile(await listScheduleTimes(db))
    if (changed > 0) logger.info({ schedules: changed }, 'schedules of the queue put right')
  }

  const dropOld = async () => {
    if (performance.now() - droppedAt < dropEveryMs) return
    droppedAt = performance.now()
    await dropOldIdempotencyKeys(db)
    await dropOldFailedAttempts(db)
    await dropOldEvents(db)
    await dropOldDeliveries(db)
    await expireDeliveries(db)
  }

  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        await withLeadership(db, async () => {
          await sweep()
          await dispatchWebhooks({ db, producer })
          await releaseHeld()
          await reconcileSchedules()
          await producer.shiftTags()
          await dropOld()
        })
        await redrive()
        await cancel()
        await recountDue()
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

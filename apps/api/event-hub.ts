import { setTimeout as delay } from 'node:timers/promises'
import type { Batch, Event } from '@inventoryrpa/contracts'
import { findBatches, type LedgerDatabase, listRevokedKeys, readEvents } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'

export type EventReader = {
  tenantId: number
  /** Of the key that reads. */
  keyId: string
  /** Only this batch is of interest, and how far it is. */
  batchId?: string | undefined
  /** The id of the last event that it was told, or that did not concern it. */
  after: number
  /** It can take more now. */
  ready(): boolean
  onEvent(event: Event): void
  onProgress?(batch: Batch): void
  end(): void
}

export type EventHub = {
  /** @returns what takes it out again */
  add(reader: EventReader): () => void
  /** Ends all streams, and those that are added from now on. */
  close(): void
}

/** How late an event may be. */
const lookEveryMs = 250
const progressEveryMs = 1_000
const revokedEveryMs = 5_000
/** While PostgreSQL is away. */
const retryEveryMs = 1_000
/** Events read for one reader at once: what a slow one has in memory. */
const pageSize = 50

/**
 * Tells all streams of this process what happened, with one query for all of them however many there
 * are: readers of a tenant stand at the same event most of the time. Each API has its own; they share
 * nothing but PostgreSQL. Looks only while someone reads.
 */
export const createEventHub = ({
  db,
  logger,
}: {
  db: LedgerDatabase
  logger: Logger
}): EventHub => {
  const readers = new Set<EventReader>()
  const stop = new AbortController()
  let isLooking = false
  let progressAt = 0
  let revokedAt = 0
  let away = false

  /** @returns whether there may be more already */
  const tellEvents = async () => {
    const groups = [
      ...Map.groupBy(
        [...readers].filter((it) => it.ready()),
        ({ tenantId, after }) => `${tenantId} ${after}`,
      ).values(),
    ]
    if (groups.length === 0) return false
    const positions = groups.map(([first]) => first as EventReader)
    const pages = await readEvents(db, positions, pageSize)
    for (const [index, group] of groups.entries()) {
      for (const { batchId, event } of pages[index] ?? []) {
        for (const reader of group) {
          if (!readers.has(reader)) continue
          reader.after = Number(event.id)
          if (reader.batchId === undefined || reader.batchId === batchId) reader.onEvent(event)
        }
      }
    }
    return pages.some((page) => page.length === pageSize)
  }

  const tellProgress = async () => {
    const interested = [...readers].filter((it) => it.batchId !== undefined && it.ready())
    const ids = new Set(interested.map((it) => it.batchId as string))
    if (ids.size === 0) return
    const batches = new Map((await findBatches(db, [...ids])).map((it) => [it.id, it]))
    for (const reader of interested) {
      const batch = batches.get(reader.batchId ?? '')
      if (batch && readers.has(reader)) reader.onProgress?.(batch)
    }
  }

  /** A key that is revoked reads no further, as it sends no further request. */
  const endRevoked = async () => {
    const keyIds = new Set([...readers].map(({ keyId }) => keyId))
    const revoked = new Set(await listRevokedKeys(db, [...keyIds]))
    for (const reader of readers) if (revoked.has(reader.keyId)) reader.end()
  }

  const look = async () => {
    const more = await tellEvents()
    const now = performance.now()
    if (now - progressAt >= progressEveryMs) {
      progressAt = now
      await tellProgress()
    }
    if (now - revokedAt >= revokedEveryMs) {
      revokedAt = now
      await endRevoked()
    }
    return more ? 0 : lookEveryMs
  }

  const run = async () => {
    isLooking = true
    while (readers.size > 0 && !stop.signal.aborted) {
      let waitMs = retryEveryMs
      try {
        waitMs = await look()
        if (away) logger.info('events can be read again')
        away = false
      } catch (err) {
        if (!away) logger.warn({ err }, 'events cannot be read; streams stay open')
        away = true
      }
      await delay(waitMs, undefined, { signal: stop.signal }).catch(() => {})
    }
    isLooking = false
  }

  return {
    add: (reader) => {
      if (stop.signal.aborted) {
        reader.end()
        return () => {}
      }
      readers.add(reader)
      if (!isLooking) void run()
      return () => void readers.delete(reader)
    },
    close: () => {
      stop.abort()
      for (const reader of readers) reader.end()
    },
  }
}

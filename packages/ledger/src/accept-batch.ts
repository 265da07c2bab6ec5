import { randomUUIDv7 } from 'node:crypto'
import type { Batch, Line } from '@inventoryrpa/contracts'
import { planQueues } from '@inventoryrpa/inventory'
import { sql } from 'kysely'
import { type BatchRow, batchColumns, toAcceptedBatch } from './batches.ts'
import { type LedgerDatabase, prepared } from './database.ts'
import { isUniqueViolation } from './errors.ts'
import { replay, tryKeyLock } from './idempotency.ts'
import {
  type AcceptedChunk,
  insertBatch,
  insertChunks,
  isPlannedFirst,
  type NewBatch,
  plannedFirst,
} from './new-batch.ts'
import { storeBody, storeLines } from './stored-lines.ts'

export type AcceptBatch = NewBatch & {
  /** Queue it with the small ones, if none of its chunks needs the stock source; default no. */
  express?: boolean
  lines: readonly Line[]
  /** The request's own text: JSON with exactly these `lines`. Stored as it is when they fit one chunk. */
  body?: Buffer | undefined
  /** The key with a hash of everything it must stand for. */
  idempotency?: { key: string; bodySha256: Buffer } | undefined
}

export type Accepted =
  | { outcome: 'accepted'; batch: Batch; chunks: AcceptedChunk[] }
  /** The key was used with this body before: the first answer again. */
  | { outcome: 'replayed'; batch: Batch }
  /** The key was used with another body. */
  | { outcome: 'mismatch' }
  /** The first request with this key is still running. */
  | { outcome: 'running' }

/**
 * Stores a batch, its chunks and its idempotency record in one transaction: one statement, so that it
 * costs one round trip and one commit. When this resolves as accepted, PostgreSQL keeps the word.
 * @throws LedgerUnavailableError with the outcome unknown: ask again with the same key
 */
export const acceptBatch = async (
  db: LedgerDatabase,
  batch: AcceptBatch,
  { maxChunkLines }: { maxChunkLines: number },
): Promise<Accepted> => {
  const id = randomUUIDv7()
  const { tenantId, idempotency, body, verify = false } = batch
  const planned = planQueues(batch.lines, maxChunkLines, verify)
  const isExpress = batch.express === true && planned.every(({ queue }) => queue === 'apply')
  const chunks = planned.map(
    ({ indexes, queue }, chunk): AcceptedChunk => ({
      batchId: id,
      chunk,
      queue: isExpress ? 'express' : queue,
      lines: indexes.length,
      suspect: false,
    }),
  )
  const stored = planned.map(({ indexes }) =>
    chunks.length === 1 && body ? storeBody(body) : storeLines(batch.lines, indexes),
  )
  try {
    const { rows } = await sql<
      BatchRow & { planned: boolean }
    >`${chunks.length === 1 ? prepared : sql``}
      with admitted as (
        select ${
          idempotency ? tryKeyLock(tenantId, idempotency.key) : sql`true`
        } as ok, ${isPlannedFirst(batch)} as planned
      ), batch as (
        ${insertBatch(id, batch, { total: batch.lines.length, invalid: 0 })}
        from admitted where ok
        returning ${batchColumns}
      ), ${
        idempotency
          ? sql`record as (
              insert into idempotency_keys (tenant_id, key, body_sha256, batch_id)
              select ${tenantId}, ${idempotency.key}, ${idempotency.bodySha256}, id from batch
            ),`
          : sql``
      } chunk as (
        ${insertChunks(chunks.map((chunk, index) => ({ ...chunk, stored: stored[index] as Buffer })))}
      )
      select ${batchColumns}, planned from batch, admitted
    `.execute(db)
    const [row] = rows
    if (!row) return { outcome: 'running' }
    return {
      outcome: 'accepted',
      batch: toAcceptedBatch(row),
      chunks: row.planned ? chunks.map(plannedFirst) : chunks,
    }
  } catch (error) {
    if (idempotency && isUniqueViolation(error, 'idempotency_keys_pkey')) {
      return await replay(db, tenantId, idempotency)
    }
    throw error
  }
}

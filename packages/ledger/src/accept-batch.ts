import { randomUUIDv7 } from 'node:crypto'
import type { Batch, BatchMode, BatchPriority, Line, QueueKind } from '@inventoryrpa/contracts'
import { planQueues } from '@inventoryrpa/inventory'
import { sql } from 'kysely'
import { type BatchRow, batchColumns, toAcceptedBatch } from './batches.ts'
import type { ChunkRef } from './chunks.ts'
import { type LedgerDatabase, prepared } from './database.ts'
import { isUniqueViolation } from './errors.ts'
import { storeBody, storeLines } from './stored-lines.ts'

export type AcceptBatch = {
  tenantId: number
  reference: string | undefined
  mode: BatchMode
  negativeStock: 'reject' | 'allow'
  /** Compare with the stock source; default no. */
  verify?: boolean
  /** Its place among the tenant's own; default normal. */
  priority?: BatchPriority | undefined
  /** Nothing of it is applied before. */
  notBefore?: Date | undefined
  /** The id of its sender's key; absent for what the system submits itself. */
  submittedBy?: string | undefined
  callbackUrl?: string | undefined
  /** Queue it with the small ones, if none of its chunks needs the stock source; default no. */
  express?: boolean
  lines: readonly Line[]
  /** The request's own text: JSON with exactly these `lines`. Stored as it is when they fit one chunk. */
  body?: Buffer | undefined
  /** The key with a hash of everything it must stand for. */
  idempotency?: { key: string; bodySha256: Buffer } | undefined
}

/** What the queue is to know of a chunk. */
export type AcceptedChunk = ChunkRef & {
  queue: QueueKind
  lines: number
  /** It may end whatever process applies it. */
  suspect: boolean
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
  const notBefore = batch.notBefore ?? null
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
          idempotency
            ? sql`pg_try_advisory_xact_lock(hashtextextended(${idempotency.key}, ${tenantId}))`
            : sql`true`
        } as ok, ${isPlannedFirst(batch)} as planned
      ), batch as (
        insert into batches (
          id, tenant_id, reference, mode, negative_stock, verify, priority, not_before, total, pending,
          submitted_by, callback_url
        )
        select ${id}::uuid, ${tenantId}, ${batch.reference ?? null}, ${batch.mode},
               ${batch.negativeStock}, ${verify}, ${batch.priority ?? 'normal'},
               ${notBefore}::timestamptz, ${batch.lines.length}, ${batch.lines.length},
               ${batch.submittedBy ?? null}, ${batch.callbackUrl ?? null}
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
        insert into chunks (batch_id, not_before, chunk, line_count, lines, queue)
        select batch.id, case when not ${isPlannedChunk} then batch.not_before end, c.chunk,
          c.line_count, c.lines, case when ${isPlannedChunk} then 'plan' else c.queue end
        from batch, admitted, (values ${sql.join(
          chunks.map(
            ({ chunk, lines, queue }) =>
              sql`(${chunk}::int, ${lines}::int, ${stored[chunk]}::bytea, ${queue})`,
          ),
        )}) c(chunk, line_count, lines, queue)
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

/** A preview, and whatever a tenant with a guard sends: what it would do must be known first. */
export const isPlannedFirst = ({ tenantId, mode }: { tenantId: number; mode: BatchMode }) =>
  mode === 'preview'
    ? sql`true`
    : sql`exists (select from tenants where id = ${tenantId} and guard is not null)`

/** What the stock source will say cannot be planned. */
const isPlannedChunk = sql`(planned and c.queue <> 'sync')`

const plannedFirst = (chunk: AcceptedChunk): AcceptedChunk =>
  chunk.queue === 'sync' ? chunk : { ...chunk, queue: 'plan' }

const replay = async (
  db: LedgerDatabase,
  tenantId: number,
  { key, bodySha256 }: { key: string; bodySha256: Buffer },
): Promise<Accepted> => {
  const first = await db
    .selectFrom('idempotency_keys as k')
    .innerJoin('batches as b', 'b.id', 'k.batch_id')
    .selectAll('b')
    .select('k.body_sha256')
    .where('k.tenant_id', '=', tenantId)
    .where('k.key', '=', key)
    .executeTakeFirst()
  if (!first) return { outcome: 'running' }
  if (!first.body_sha256.equals(bodySha256)) return { outcome: 'mismatch' }
  return { outcome: 'replayed', batch: toAcceptedBatch(first) }
}

/** Keys are kept for at least a day (Stripe's rule); older ones are dropped, some at a time. */
export const dropOldIdempotencyKeys = async (db: LedgerDatabase): Promise<number> => {
  const result = await sql`
    delete from idempotency_keys where (tenant_id, key) in (
      select tenant_id, key from idempotency_keys
      where created_at < now() - interval '2 days' order by created_at limit 10000
    )
  `.execute(db)
  return Number(result.numAffectedRows ?? 0)
}

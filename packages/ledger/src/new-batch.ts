import type { BatchMode, BatchPriority, QueueKind } from '@inventoryrpa/contracts'
import { sql, type Transaction } from 'kysely'
import type { ChunkRef } from './chunks.ts'
import type { Schema } from './schema.ts'

export type NewBatch = {
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
  /** The batch that it compensates. */
  reverses?: string | undefined
}

/** What the queue is to know of a chunk. */
export type AcceptedChunk = ChunkRef & {
  queue: QueueKind
  lines: number
  /** It may end whatever process applies it. */
  suspect: boolean
}

/** A chunk with its lines as they are kept. */
export type StoredChunk = AcceptedChunk & { stored: Buffer }

/** Inserts a batch, for as many rows as whatever follows selects from. */
export const insertBatch = (
  id: string,
  batch: NewBatch,
  { total, invalid }: { total: number; invalid: number },
) => sql`
  insert into batches (
    id, tenant_id, reference, mode, negative_stock, verify, priority, not_before, total, pending,
    rejected, invalid_lines, submitted_by, callback_url, reverses_id, created_at
  )
  select ${id}::uuid, ${batch.tenantId}, ${batch.reference ?? null}, ${batch.mode},
    ${batch.negativeStock}, ${batch.verify ?? false}, ${batch.priority ?? 'normal'},
    ${batch.notBefore ?? null}::timestamptz, ${total}, ${total - invalid}, ${invalid}, ${invalid},
    ${batch.submittedBy ?? null}, ${batch.callbackUrl ?? null}, ${batch.reverses ?? null}::uuid,
    statement_timestamp()`

/** Beside `batch` with its row, and `admitted`, which says whether it is `planned` first. */
export const insertChunks = (chunks: readonly StoredChunk[]) => sql`
  insert into chunks (batch_id, not_before, chunk, line_count, lines, queue, created_at)
  select batch.id, case when not ${isPlannedChunk} then batch.not_before end, c.chunk, c.line_count,
    c.lines, case when ${isPlannedChunk} then 'plan' else c.queue end, statement_timestamp()
  from batch, admitted, (values ${sql.join(
    chunks.map(
      ({ chunk, lines, stored, queue }) =>
        sql`(${chunk}::int, ${lines}::int, ${stored}::bytea, ${queue})`,
    ),
  )}) c(chunk, line_count, lines, queue)`

/** A preview, and whatever a tenant with a guard sends: what it would do must be known first. */
export const isPlannedFirst = ({ tenantId, mode }: { tenantId: number; mode: BatchMode }) =>
  mode === 'preview'
    ? sql`true`
    : sql`exists (select from tenants where id = ${tenantId} and guard is not null)`

/** What the stock source will say cannot be planned. */
const isPlannedChunk = sql`(planned and c.queue <> 'sync')`

export const plannedFirst = (chunk: AcceptedChunk): AcceptedChunk =>
  chunk.queue === 'sync' ? chunk : { ...chunk, queue: 'plan' }

/**
 * Inserts a batch whose chunks follow.
 * @returns whether what it would do must be known first
 */
export const insertHead = async (
  trx: Transaction<Schema>,
  id: string,
  batch: NewBatch,
  counts: { total: number; invalid: number },
): Promise<boolean> => {
  const { rows } = await sql<{ planned: boolean }>`
    ${insertBatch(id, batch, counts)} returning ${isPlannedFirst(batch)} as planned
  `.execute(trx)
  return rows[0]?.planned === true
}

/** @param options.planned what insertHead said */
export const insertChunkPage = async (
  trx: Transaction<Schema>,
  id: string,
  page: readonly StoredChunk[],
  { planned }: { planned: boolean },
): Promise<void> => {
  await sql`
    with admitted as (select ${planned}::boolean as planned),
      batch as (select id, not_before from batches where id = ${id})
    ${insertChunks(page)}
  `.execute(trx)
}

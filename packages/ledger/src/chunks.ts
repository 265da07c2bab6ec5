import type { QueueKind } from '@inventoryrpa/contracts'
import type { Line } from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import type { Schema } from './schema.ts'
import { type Plans, type Readings, readLines, readNumbered } from './stored-lines.ts'

export type ChunkRef = { batchId: string; chunk: number }

/** Chunks as rows of two columns, for a statement to join with. */
export const chunkKeys = (chunks: readonly ChunkRef[]) => sql`
  unnest(${chunks.map((c) => c.batchId)}::uuid[], ${chunks.map((c) => c.chunk)}::int[])`

/** A chunk's row under this transaction's lock. */
export type LockedChunk = ChunkRef & {
  tenantId: number
  negativeStock: 'reject' | 'allow'
  settled: boolean
  dead: boolean
  /** A worker may have ended by it; its parts inherit that. */
  suspect: boolean
  lineCount: number
  queue: QueueKind | 'parked'
  /** As they are kept. */
  stored: Buffer
  /** The last redrive that took it. */
  redriveId: string | null
  /** Its batch wants levels and counts compared with the stock source. */
  verify: boolean
  notBefore: Date | null
  /** Of one that is not settled: whether the time from which it may be applied has come. */
  due: boolean
  /** Whether its tenant has an open batch with a higher priority. */
  outrankable: boolean
  /** Somebody asked for its batch to be cancelled. */
  cancelled: boolean
  /** Of a batch that is applied by its plan. */
  onConflict: 'rebase' | 'reject' | null
  /** @throws Error for what cannot be read, SourceNotReadError for a sync that `readings` lacks */
  lines(readings?: Readings, plans?: Plans): Line[]
  /** Their places in the request. */
  lineNumbers(): number[]
}

type Row = {
  batch_id: string
  chunk: number
  line_count: number
  lines: Buffer
  queue: QueueKind | 'parked'
  settled_at: Date | null
  dead_at: Date | null
  not_before: Date | null
  redrive_id: string | null
  suspect: boolean
  tenant_id: number
  negative_stock: 'reject' | 'allow'
  verify: boolean
  created_at: Date
  due: boolean
  outrankable: boolean
  cancelled: boolean
  on_conflict: 'rebase' | 'reject' | null
}

/**
 * Of one that is not settled: its time has come, if it had to wait for one. Of a settled one the column
 * is the time to ask again for what is held.
 */
export const isDue = sql`(c.not_before is null or c.not_before <= now())`

/**
 * A part of one that ended processes: some part of it does so again. A whole one that was only in a
 * worker's hand when that ended is nearly always innocent, and a process of its own takes a second.
 */
export const mayEndProcesses = sql`(suspect and parent is not null)`

/** Of batches `b`, the priorities that go before its own. */
const prioritiesAbove = sql`case b.priority
  when 'low' then array['normal', 'high'] when 'normal' then array['high'] else '{}' end`

const columns = sql`
  c.batch_id, c.chunk, c.line_count, c.lines, c.queue, c.settled_at, c.dead_at, c.not_before,
  c.redrive_id, c.suspect, b.tenant_id, b.negative_stock, b.verify, b.created_at, ${isDue} as due,
  b.cancelled_at is not null as cancelled, b.on_conflict`

const toLockedChunk = (row: Row): LockedChunk => ({
  batchId: row.batch_id,
  chunk: row.chunk,
  tenantId: row.tenant_id,
  negativeStock: row.negative_stock,
  settled: row.settled_at !== null,
  dead: row.dead_at !== null,
  suspect: row.suspect,
  lineCount: row.line_count,
  queue: row.queue,
  stored: row.lines,
  redriveId: row.redrive_id,
  verify: row.verify,
  notBefore: row.not_before,
  due: row.due,
  outrankable: row.outrankable,
  cancelled: row.cancelled,
  onConflict: row.on_conflict,
  lines: (readings, plans) => readLines(row.lines, row.created_at.getTime(), readings, plans),
  lineNumbers: () => readNumbered(row.lines).map((line) => line.number),
})

/** Waits for whoever holds it. */
export const lockChunk = async (
  trx: Transaction<Schema>,
  { batchId, chunk }: ChunkRef,
): Promise<LockedChunk | undefined> => {
  const { rows } = await sql<Row>`
    select ${columns}, false as outrankable from chunks c join batches b on b.id = c.batch_id
    where c.batch_id = ${batchId} and c.chunk = ${chunk}
    for update of c
  `.execute(trx)
  return rows[0] && toLockedChunk(rows[0])
}

/** Chunks of one batch with lines that are pending or held, as far as nobody has them in hand. */
export const lockFreeChunks = async (
  trx: Transaction<Schema>,
  batchId: string,
  limit: number,
): Promise<LockedChunk[]> => {
  const { rows } = await sql<Row>`
    select ${columns}, false as outrankable from chunks c join batches b on b.id = c.batch_id
    where c.batch_id = ${batchId} and (c.settled_at is null and c.dead_at is null or c.held > 0)
    order by c.chunk limit ${limit}
    for update of c skip locked
  `.execute(trx)
  return rows.map(toLockedChunk)
}

const hasOpenAbove = sql`exists (
  select from batches above
  where above.tenant_id = b.tenant_id and above.completed_at is null
    and above.priority = any(${prioritiesAbove})
)`

/** Open batches behind the first one that are looked through: more than all workers have in hand. */
const batchesAhead = 64
const mostChunks = 64

/**
 * Locks a chunk and those accepted after it that would be applied alike and wait in the same queue with
 * the same priority, in that order, leaving out what is not due, settled, dead, suspect, a part of one
 * that failed, or held by another: nothing is waited for. None is over twice the first one's size and
 * together they have about `maxLines`, so that memory and the length of the transaction are bounded.
 *
 * The limits stand where rows are locked one by one as they are pulled, so that no row is locked that
 * is not taken.
 */
export const lockWaitingChunks = async (
  trx: Transaction<Schema>,
  { batchId, chunk }: ChunkRef,
  maxLines: number,
): Promise<LockedChunk[]> => {
  const { rows } = await sql<Row>`
    with first as (
      select b.tenant_id, b.negative_stock, b.priority, c.line_count, c.queue,
        ${hasOpenAbove} as outrankable,
        least(${mostChunks}::int, greatest(1, ${maxLines}::int / c.line_count)) as most
      from chunks c join batches b on b.id = c.batch_id
      where c.batch_id = ${batchId} and c.chunk = ${chunk} and ${isDue}
    )
    select ${columns}, first.outrankable
    from first cross join lateral (
      select * from batches
      where tenant_id = first.tenant_id and priority = first.priority and id >= ${batchId}
        and completed_at is null and negative_stock = first.negative_stock and cancelled_at is null
      order by id limit ${batchesAhead}
    ) b cross join lateral (
      select * from chunks c
      where batch_id = b.id and settled_at is null and dead_at is null and ${isDue}
        and (chunk = ${chunk} and batch_id = ${batchId} or not suspect and parent is null)
        and queue = first.queue and (batch_id, chunk) >= (${batchId}::uuid, ${chunk}::int)
        and line_count <= 2 * first.line_count
      order by chunk
      for update skip locked
    ) c
    limit (select most from first)
  `.execute(trx)
  return rows.map(toLockedChunk)
}

/**
 * Whether chunks of the tenant with a higher priority wait in the same queue: are due, and in nobody's
 * hand. One of them is locked by this until the transaction ends.
 */
export const isOutranked = async (
  trx: Transaction<Schema>,
  { batchId, chunk }: ChunkRef,
): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from chunks own join batches b on b.id = own.batch_id
    join batches above on above.tenant_id = b.tenant_id and above.completed_at is null
      and above.priority = any(${prioritiesAbove})
    cross join lateral (
      select from chunks c
      where c.batch_id = above.id and c.queue = own.queue and c.settled_at is null
        and c.dead_at is null and ${isDue}
      limit 1 for no key update skip locked
    ) waiting
    where own.batch_id = ${batchId} and own.chunk = ${chunk}
    limit 1
  `.execute(trx)
  return rows.length > 0
}

/** When the source is asked again for a line that is held now. */
export const heldUntil = sql`now() + interval '10 seconds'`

/** @param held how many lines of each chunk are held */
export const markSettled = async (
  trx: Transaction<Schema>,
  chunks: readonly ChunkRef[],
  held: readonly number[],
): Promise<void> => {
  await sql`
    update chunks c set settled_at = now(), dead_at = null, error = null, error_code = null,
      fingerprint = null, held = v.held,
      not_before = case when v.held > 0 then ${heldUntil} end
    from unnest(
      ${chunks.map((c) => c.batchId)}::uuid[], ${chunks.map((c) => c.chunk)}::int[], ${held}::int[]
    ) v(batch_id, chunk, held)
    where c.batch_id = v.batch_id and c.chunk = v.chunk
  `.execute(trx)
}

/**
 * After a worker ended with a chunk in hand: this one, and those it may have had together with it, are
 * applied alone from now on, until the one that ends workers is known. Nothing is done to what another
 * has in hand now. @returns how many
 */
export const suspectChunks = async (
  db: LedgerDatabase,
  ref: ChunkRef,
  maxLines: number,
): Promise<number> =>
  db.transaction().execute(async (trx) => {
    const { rows: free } = await sql`
      select from chunks where batch_id = ${ref.batchId} and chunk = ${ref.chunk}
      for update skip locked
    `.execute(trx)
    if (free.length === 0) return 0
    // A settled one is followed by others in its worker's hand.
    const chunks = await lockWaitingChunks(trx, ref, maxLines)
    await sql`
      update chunks c set suspect = true
      from ${chunkKeys(chunks)} v(batch_id, chunk)
      where c.batch_id = v.batch_id and c.chunk = v.chunk
    `.execute(trx)
    return chunks.length
  })

import { randomUUIDv7 } from 'node:crypto'
import type { Batch, BatchMode } from '@inventoryrpa/contracts'
import {
  formatQuantity,
  type Moved,
  parseQuantity,
  type Reversal,
  reverseMovements,
} from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import { type BatchRow, batchColumns, toAcceptedBatch } from './batches.ts'
import type { LedgerDatabase } from './database.ts'
import { isUniqueViolation } from './errors.ts'
import { type AcceptedChunk, insertChunkPage, insertHead, type NewBatch } from './new-batch.ts'
import type { Schema } from './schema.ts'
import { type StoredLine, storeLines } from './stored-lines.ts'

export type ReverseBatch = {
  tenantId: number
  batchId: string
  reference: string | undefined
  mode: BatchMode
  /** What becomes of lines whose level was moved by others since. */
  laterMovements: 'flag' | 'refuse'
  submittedBy: string
}

export type Reversed =
  | { outcome: 'accepted'; batch: Batch; chunks: AcceptedChunk[] }
  | { outcome: 'unknown' }
  /** Lines of it are pending. */
  | { outcome: 'wrong-state'; state: Batch['state'] }
  | { outcome: 'already-reversed' }
  /** It moved nothing. */
  | { outcome: 'nothing-applied' }

/** Rows fetched at once: memory is bounded, however large the batch is. */
const fetchRows = 2_000

/**
 * Accepts a batch that compensates another: a line for each of its lines that moved something, under the
 * same number. What was may be again, also below zero. One transaction.
 */
export const reverseBatch = async (
  db: LedgerDatabase,
  reverse: ReverseBatch,
  { maxChunkLines }: { maxChunkLines: number },
): Promise<Reversed> => {
  try {
    return await db
      .transaction()
      .execute(async (trx) => await reverseLocked(trx, reverse, maxChunkLines))
  } catch (error) {
    if (isUniqueViolation(error, 'batches_reversed_once')) return { outcome: 'already-reversed' }
    throw error
  }
}

const reverseLocked = async (
  trx: Transaction<Schema>,
  reverse: ReverseBatch,
  maxChunkLines: number,
): Promise<Reversed> => {
  const { tenantId, batchId, laterMovements, reference, mode, submittedBy } = reverse
  const { rows } = await sql<Pick<BatchRow, 'state' | 'completed_at' | 'callback_url'>>`
    select state, completed_at, callback_url from batches
    where id = ${batchId} and tenant_id = ${tenantId} for share
  `.execute(trx)
  const [original] = rows
  if (!original) return { outcome: 'unknown' }
  if (!original.completed_at) return { outcome: 'wrong-state', state: original.state }

  const id = randomUUIDv7()
  const reversal: NewBatch = {
    ...{ tenantId, reference, mode, submittedBy, reverses: batchId },
    negativeStock: 'allow',
    callbackUrl: original.callback_url ?? undefined,
  }
  // How many lines it has is known when all of them are read.
  const planned = await insertHead(trx, id, reversal, { total: 0, invalid: 0 })
  const chunks: AcceptedChunk[] = []
  const add = async (lines: Reversal[]) => {
    const chunk: AcceptedChunk = {
      batchId: id,
      chunk: chunks.length,
      queue: planned ? 'plan' : 'apply',
      lines: lines.length,
      suspect: false,
    }
    const stored = storeReversals(lines, laterMovements === 'flag' ? 'rebase' : 'reject')
    await insertChunkPage(trx, id, [{ ...chunk, stored }], { planned })
    chunks.push(chunk)
  }
  let open: Reversal[] = []
  for await (const moved of movedBySku(trx, batchId)) {
    const reversals = reverseMovements(moved)
    if (open.length > 0 && open.length + reversals.length > maxChunkLines) {
      await add(open)
      open = []
    }
    open = open.concat(reversals)
  }
  if (open.length > 0) await add(open)
  const total = chunks.reduce((sum, chunk) => sum + chunk.lines, 0)
  if (total === 0) {
    await trx.deleteFrom('batches').where('id', '=', id).execute()
    return { outcome: 'nothing-applied' }
  }
  const { rows: batches } = await sql<BatchRow>`
    update batches set total = ${total}, pending = ${total} where id = ${id} returning ${batchColumns}
  `.execute(trx)
  return { outcome: 'accepted', batch: toAcceptedBatch(batches[0] as BatchRow), chunks }
}

type MovedRow = {
  line: number
  sku: string
  reference: string | null
  quantity: string
  location: string
  last_version: number
  to_location: string | null
  to_last_version: number | null
}

/** What a batch moved, one SKU after another, each from its last line to its first. */
async function* movedBySku(trx: Transaction<Schema>, batchId: string): AsyncGenerator<Moved[]> {
  await sql`
    declare moved no scroll cursor for
    with m as (
      select line, leg, sku, location, quantity, reference,
        max(version) over (partition by sku, location) as last_version
      from movements where batch_id = ${batchId}
    )
    select sent.line, sent.sku, sent.reference, sent.quantity, sent.location, sent.last_version,
      received.location as to_location, received.last_version as to_last_version
    from m sent left join m received on received.line = sent.line and received.leg = 1
    where sent.leg = 0 and sent.quantity <> 0
    order by sent.sku, sent.line desc
  `.execute(trx)
  let sku: Moved[] = []
  for (;;) {
    const { rows } = await sql<MovedRow>`fetch ${sql.raw(String(fetchRows))} from moved`.execute(
      trx,
    )
    for (const row of rows) {
      if (sku.length > 0 && sku[0]?.sku !== row.sku) {
        yield sku
        sku = []
      }
      sku.push(movedOf(row))
    }
    if (rows.length < fetchRows) break
  }
  if (sku.length > 0) yield sku
  await sql`close moved`.execute(trx)
}

const movedOf = (row: MovedRow): Moved => ({
  line: row.line,
  sku: row.sku,
  reference: row.reference ?? undefined,
  quantity: parseQuantity(row.quantity),
  location: row.location,
  lastVersion: Number(row.last_version),
  to:
    row.to_location === null
      ? undefined
      : { location: row.to_location, lastVersion: Number(row.to_last_version) },
})

const storeReversals = (reversals: readonly Reversal[], onConflict: 'rebase' | 'reject') => {
  const lines = reversals.map(
    ({ number: _, versions, quantity, ...line }): StoredLine => ({
      ...line,
      quantity: formatQuantity(quantity),
      reason: 'reversal',
      reverses: { versions, onConflict },
    }),
  )
  return storeLines(
    lines,
    lines.map((_, index) => index),
    reversals.map((reversal) => reversal.number),
  )
}

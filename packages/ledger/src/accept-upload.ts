import { randomUUIDv7 } from 'node:crypto'
import type { Line } from '@inventoryrpa/contracts'
import { planQueues } from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import type { Accepted } from './accept-batch.ts'
import { moveCounts } from './batch-counts.ts'
import { type BatchRow, batchColumns, toAcceptedBatch } from './batches.ts'
import type { LedgerDatabase } from './database.ts'
import { findKey, replay, tryKeyLock } from './idempotency.ts'
import { type InvalidLine, invalidRow, saveOutcomes } from './line-outcomes.ts'
import {
  type AcceptedChunk,
  insertChunkPage,
  insertHead,
  type NewBatch,
  plannedFirst,
  type StoredChunk,
} from './new-batch.ts'
import type { Schema } from './schema.ts'
import { storeLines } from './stored-lines.ts'
import { createUploadParts, type UploadParts } from './upload-parts.ts'

/** A line of an upload under its number, or why it cannot be read. */
export type UploadedLine = { number: number } & ({ line: Line } | { invalid: InvalidLine })

export type Upload = NewBatch & {
  key: string | undefined
  /** Read once at most; some pages may be empty. */
  pages: AsyncIterable<readonly UploadedLine[]>
  /** Reads what is left of the body. @returns SHA-256 of everything that the key must stand for */
  digest(): Promise<Buffer>
  /** Whether so many lines may be queued with the small ones. */
  isExpress(lines: number): boolean
}

export type UploadAccepted =
  | Accepted
  /** There is no line in it. */
  | { outcome: 'empty' }
  | { outcome: 'too-many-lines'; most: number; sku?: string }

/** So that memory is bounded: see upload-parts.ts. */
const mostLines = 10_000_000
/** One chunk keeps their order, and a worker holds it in memory. */
const mostLinesOfOneSku = 100_000

/** A sender may be slow, and PostgreSQL ends a transaction in which nothing happens. */
const quietMs = 5_000
const faultsHeld = 500
/** Chunks of one statement. */
const pageChunks = 32

class TooManyLinesError extends Error {
  readonly code = 'TOO_MANY_LINES'
  readonly most: number
  readonly sku: string | undefined
  constructor(most: number, sku?: string) {
    super(`more than ${most} lines`)
    this.most = most
    this.sku = sku
  }
}

/**
 * Stores an upload as acceptBatch stores a request, in one transaction that is open while the upload
 * comes in, and with memory that does not grow with it. What cannot be read of it is rejected at once.
 * @throws whatever its pages throw, and LedgerUnavailableError with the outcome unknown
 */
export const acceptUpload = async (
  db: LedgerDatabase,
  upload: Upload,
  { maxChunkLines }: { maxChunkLines: number },
): Promise<UploadAccepted> => {
  const { tenantId, key } = upload
  if (key !== undefined && (await findKey(db, tenantId, key))) {
    return await replay(db, tenantId, { key, bodySha256: await upload.digest() })
  }
  try {
    return await db.transaction().execute(async (trx) => {
      if (key !== undefined) {
        const { rows } = await sql<{ ok: boolean }>`
          select ${tryKeyLock(tenantId, key)} as ok
        `.execute(trx)
        if (!rows[0]?.ok) return { outcome: 'running' }
        // Its first request may have ended since it was looked for.
        if (await findKey(trx, tenantId, key)) {
          return await replay(trx, tenantId, { key, bodySha256: await upload.digest() })
        }
      }
      return await store(trx, upload, maxChunkLines)
    })
  } catch (error) {
    if (!(error instanceof TooManyLinesError)) throw error
    const { most, sku } = error
    return { outcome: 'too-many-lines', most, ...(sku !== undefined && { sku }) }
  }
}

const store = async (
  trx: Transaction<Schema>,
  upload: Upload,
  maxChunkLines: number,
): Promise<UploadAccepted> => {
  const id = randomUUIDv7()
  const parts = createUploadParts(trx, id)
  const { total, invalid } = await takeIn(trx, id, upload.pages, parts)
  if (total === 0) return { outcome: 'empty' }
  const planned = await insertHead(trx, id, upload, { total, invalid })
  const { verify = false } = upload
  const express = total === invalid || upload.isExpress(total - invalid)
  const chunks: AcceptedChunk[] = []
  let page: StoredChunk[] = []
  const insertPage = async () => {
    if (page.length > 0) await insertChunkPage(trx, id, page, { planned })
    page = []
  }
  for await (const { lines, numbers } of parts.groups()) {
    const queues = planQueues(lines, maxChunkLines, verify)
    const isExpress = express && queues.every(({ queue }) => queue === 'apply')
    for (const { indexes, queue } of queues) {
      const chunk: AcceptedChunk = {
        batchId: id,
        chunk: chunks.length,
        queue: isExpress ? 'express' : queue,
        lines: indexes.length,
        suspect: false,
      }
      chunks.push(planned ? plannedFirst(chunk) : chunk)
      page.push({ ...chunk, stored: storeLines(lines, indexes, numbers) })
      if (page.length >= pageChunks) await insertPage()
    }
  }
  await insertPage()
  if (upload.key !== undefined) {
    await trx
      .insertInto('idempotency_keys')
      .values({
        tenant_id: upload.tenantId,
        key: upload.key,
        body_sha256: await upload.digest(),
        batch_id: id,
      })
      .execute()
  }
  if (total === invalid) await moveCounts(trx, [{ batchId: id }])
  const { rows } = await sql<BatchRow>`
    select ${batchColumns} from batches where id = ${id}
  `.execute(trx)
  return { outcome: 'accepted', batch: toAcceptedBatch(rows[0] as BatchRow), chunks }
}

/** Sorts the lines into parts, and rejects what cannot be read. */
const takeIn = async (
  trx: Transaction<Schema>,
  batchId: string,
  pages: Upload['pages'],
  parts: UploadParts,
): Promise<{ total: number; invalid: number }> => {
  let total = 0
  let invalid = 0
  let faults: ReturnType<typeof invalidRow>[] = []
  let saidAt = performance.now()
  for await (const page of pages) {
    for (const uploaded of page) {
      total += 1
      if (total > mostLines) throw new TooManyLinesError(mostLines)
      if ('invalid' in uploaded) {
        invalid += 1
        faults.push(invalidRow(batchId, uploaded.number, uploaded.invalid))
      } else if (parts.add(uploaded.number, uploaded.line) > mostLinesOfOneSku) {
        throw new TooManyLinesError(mostLinesOfOneSku, uploaded.line.sku)
      }
    }
    if (faults.length >= faultsHeld) {
      await saveOutcomes(trx, faults)
      faults = []
      saidAt = performance.now()
    }
    if (parts.isFull) {
      await parts.flush()
      saidAt = performance.now()
    }
    if (performance.now() - saidAt > quietMs) {
      await sql`select 1`.execute(trx)
      saidAt = performance.now()
    }
  }
  await saveOutcomes(trx, faults)
  return { total, invalid }
}

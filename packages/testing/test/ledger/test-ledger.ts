import { randomUUID } from 'node:crypto'
import type { Line } from '@inventoryrpa/contracts'
import {
  type AcceptBatch,
  type AcceptedChunk,
  acceptBatch,
  applyChunk,
  ensureTenant,
  type LedgerDatabase,
  openLedger,
} from '@inventoryrpa/ledger'
import { createTestDatabase } from '@inventoryrpa/testing'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'

export type TestLedger = {
  db: LedgerDatabase
  url: string
  /** Past the ledger's own pool: to look, to hold locks, to break things. */
  admin: pg.Client
  newTenant: () => Promise<number>
}

/** A database of the test file's own, with a pool large enough for every race in it. */
export const useLedger = (): TestLedger => {
  const ledger = {} as TestLedger
  const releases: (() => Promise<void>)[] = []
  beforeAll(async () => {
    const database = await createTestDatabase()
    releases.push(() => database.drop())
    const { db, close } = openLedger({
      databaseUrl: database.url,
      maxConnections: 20,
      connectTimeoutMs: 20_000,
    })
    releases.push(close)
    const admin = new pg.Client({ connectionString: database.url })
    await admin.connect()
    releases.push(() => admin.end())
    const newTenant = () => ensureTenant(db, randomUUID())
    Object.assign(ledger, { db, url: database.url, admin, newTenant })
  })
  afterAll(async () => {
    for (const release of releases.reverse()) await release()
  })
  return ledger
}

export type Options = Partial<AcceptBatch> & { maxChunkLines?: number }

/** Accepts lines as a batch. @returns its id and a reference to each of its chunks */
export const submit = async (
  db: LedgerDatabase,
  tenantId: number,
  lines: Line[],
  { maxChunkLines = 1_000, ...options }: Options = {},
): Promise<{ id: string; chunks: AcceptedChunk[] }> => {
  const accepted = await acceptBatch(
    db,
    { tenantId, reference: undefined, mode: 'apply', negativeStock: 'allow', lines, ...options },
    { maxChunkLines },
  )
  if (accepted.outcome !== 'accepted') throw new Error(`not accepted: ${accepted.outcome}`)
  return { id: accepted.batch.id, chunks: accepted.chunks }
}

/** Accepts lines as a batch and applies all its chunks at once. @returns the batch's id */
export const submitAndApply = async (
  db: LedgerDatabase,
  tenantId: number,
  lines: Line[],
  options?: Options,
): Promise<string> => {
  const { id, chunks } = await submit(db, tenantId, lines, options)
  await Promise.all(chunks.map((chunk) => applyChunk(db, chunk)))
  return id
}

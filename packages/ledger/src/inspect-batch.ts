import type { Batch } from '@inventoryrpa/contracts'
import { toBatch } from './batches.ts'
import type { LedgerDatabase } from './database.ts'

export type BatchInspection = Batch & {
  tenant: string
  /** Chunks that are not applied: waiting or running, or dead with their error. */
  openChunks: { chunk: number; lines: number; dead: boolean; error: string | null }[]
}

/** More would not be read by anyone. */
const maxOpenChunks = 1_000

/** A batch of any tenant, as its operator sees it. */
export const inspectBatch = async (
  db: LedgerDatabase,
  id: string,
): Promise<BatchInspection | undefined> => {
  const row = await db
    .selectFrom('batches as b')
    .innerJoin('tenants as t', 't.id', 'b.tenant_id')
    .selectAll('b')
    .select('t.name as tenant')
    .where('b.id', '=', id)
    .executeTakeFirst()
  if (!row) return undefined
  const chunks = await db
    .selectFrom('chunks')
    .select(['chunk', 'line_count', 'dead_at', 'error'])
    .where('batch_id', '=', id)
    .where('settled_at', 'is', null)
    .orderBy('chunk')
    .limit(maxOpenChunks)
    .execute()
  return {
    ...toBatch(row),
    tenant: row.tenant,
    openChunks: chunks.map(({ chunk, line_count, dead_at, error }) => ({
      chunk,
      lines: line_count,
      dead: dead_at !== null,
      error,
    })),
  }
}

import { levelKey } from '@inventoryrpa/inventory'
import { sql } from 'kysely'
import type { ChunkRef } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { readStored } from './stored-lines.ts'

export type StockKey = { sku: string; location: string }

/**
 * The levels that a chunk needs the stock source for: those of its syncs, and all it touches when its
 * batch is to be verified. No lock: what a source says is read before the transaction, never inside.
 * @returns none for a chunk that is not there
 */
export const listSourceKeys = async (
  db: LedgerDatabase,
  { batchId, chunk }: ChunkRef,
): Promise<StockKey[]> => {
  const { rows } = await sql<{ lines: Buffer; verify: boolean }>`
    select c.lines, b.verify from chunks c join batches b on b.id = c.batch_id
    where c.batch_id = ${batchId} and c.chunk = ${chunk}
  `.execute(db)
  const [row] = rows
  if (!row) return []
  const keys = new Map<string, StockKey>()
  const add = (sku: string, location: string) =>
    keys.set(levelKey(sku, location), { sku, location })
  for (const line of readStored(row.lines).lines) {
    if (line.type !== 'sync' && !row.verify) continue
    add(line.sku, line.location)
    if (line.type === 'transfer') add(line.sku, line.toLocation)
  }
  return [...keys.values()]
}

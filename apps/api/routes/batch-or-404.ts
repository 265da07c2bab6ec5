import type { Batch } from '@inventoryrpa/contracts'
import { findBatch, type LedgerDatabase } from '@inventoryrpa/ledger'
import { ProblemError } from '../plugins/problems.ts'

export const noBatch = (id: string) => new ProblemError('not-found', `there is no batch ${id}`)

/** @throws ProblemError when the tenant has no such batch */
export const batchOr404 = async (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
): Promise<Batch> => {
  const found = await findBatch(db, tenantId, id)
  if (!found) throw noBatch(id)
  return found
}

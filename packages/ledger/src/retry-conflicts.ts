import type { Transaction } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { LedgerConflictError } from './errors.ts'
import { LevelsMissingError, lockMakingOfLevels } from './levels.ts'
import type { Schema } from './schema.ts'

/** How often a transaction that lost a race with another is run again before that counts as an error. */
const conflictRetries = 10

/**
 * Runs a transaction that changes levels, and again when it loses a race. One that finds levels
 * missing starts over as the only one of its tenant that makes levels (see lockLevels).
 */
export const retryConflicts = async <T>(
  db: LedgerDatabase,
  task: (
    trx: Transaction<Schema>,
    may: { mayMakeLevels: (tenantId: number) => boolean },
  ) => Promise<T>,
): Promise<T> => {
  let makingFor: number | undefined
  for (let retry = 0; ; retry += 1) {
    try {
      return await db.transaction().execute(async (trx) => {
        if (makingFor !== undefined) await lockMakingOfLevels(trx, makingFor)
        return await task(trx, { mayMakeLevels: (tenantId) => tenantId === makingFor })
      })
    } catch (error) {
      if (error instanceof LevelsMissingError) makingFor = error.tenantId
      else if (!(error instanceof LedgerConflictError) || retry === conflictRetries) throw error
    }
  }
}

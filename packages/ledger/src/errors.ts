import pg from 'pg'

/** PostgreSQL cannot be reached or cannot serve now. The same call may succeed later. */
export class LedgerUnavailableError extends Error {
  readonly code: string = 'LEDGER_UNAVAILABLE'
  /** No job can be done meanwhile, and none is to blame. */
  readonly outage: boolean = true
  override readonly name: string = 'LedgerUnavailableError'
}

/**
 * PostgreSQL ended the statement because it took too long. An outage would be waited out for ever if
 * the statement is to blame, so this one counts as an attempt.
 */
export class LedgerTimeoutError extends LedgerUnavailableError {
  override readonly code = 'LEDGER_TIMEOUT'
  override readonly outage = false
  override readonly name = 'LedgerTimeoutError'
}

/** The transaction lost a race with another and may be run again at once. */
export class LedgerConflictError extends Error {
  readonly code = 'LEDGER_CONFLICT'
  override readonly name: string = 'LedgerConflictError'
}

/** The batch was called off while this transaction applied lines of it: they are not to be applied. */
export class BatchCancelledError extends LedgerConflictError {
  override readonly name = 'BatchCancelledError'
}

/** SQLSTATEs, by code or by class. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const unavailable = new Set([
  '25006', // read-only transaction: a standby, or a full disk made it so
  '53', // insufficient resources: disk full, out of memory, too many connections
  '55P03', // lock not available in time
  '57', // operator intervention: shutdown, starting up
  '58', // system error
  '08', // connection exception
])
const timedOut = '57014'
const conflict = new Set(['40001', '40P01'])

/** Gives a driver's error our meaning: by SQLSTATE, or, where there is none, as a broken connection. */
export const ledgerError = (error: unknown): unknown => {
  if (!(error instanceof pg.DatabaseError)) {
    const message = error instanceof Error ? error.message : String(error)
    return new LedgerUnavailableError(`PostgreSQL connection failed: ${message}`, { cause: error })
  }
  const state = error.code ?? ''
  if (conflict.has(state)) return new LedgerConflictError(error.message, { cause: error })
  if (state === timedOut) {
    return new LedgerTimeoutError(`PostgreSQL took too long: ${error.message}`, { cause: error })
  }
  if (unavailable.has(state) || unavailable.has(state.slice(0, 2))) {
    return new LedgerUnavailableError(`PostgreSQL is unavailable: ${error.message}`, {
      cause: error,
    })
  }
  return error
}

export const isUniqueViolation = (error: unknown, constraint: string) =>
  error instanceof pg.DatabaseError && error.code === '23505' && error.constraint === constraint

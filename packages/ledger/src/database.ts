import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient, sql } from 'kysely'
import pg from 'pg'
import { LedgerUnavailableError, ledgerError } from './errors.ts'
import type { Schema } from './schema.ts'

export type LedgerDatabase = Kysely<Schema>

export type LedgerOptions = {
  databaseUrl: string
  /** Shown in pg_stat_activity. */
  applicationName?: string
  maxConnections?: number
  /** How long a caller waits for a free connection. */
  connectTimeoutMs?: number
  /** How long PostgreSQL may work on one statement. */
  statementTimeoutMs?: number
  /** How long a statement may wait for a lock; default two thirds of that. */
  lockTimeoutMs?: number
  /** A transaction in which nothing happens for this long is ended; default 10 s. */
  idleInTransactionMs?: number
  /** Told of idle connections that break; the pool replaces them by itself. */
  onError?: (error: Error) => void
}

export type Ledger = {
  readonly db: LedgerDatabase
  /**
   * The same pool again.
   * @param onStatement told when a statement is sent; what it returns is called when it is answered
   */
  watched(onStatement: () => () => void): LedgerDatabase
  close(): Promise<void>
}

/** PostgreSQL ends a statement by itself; an answer this late is lost with its connection. */
const answerMarginMs = 5_000

const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, Number)

/**
 * Opens a pool; nothing connects before the first query. Errors of queries are LedgerUnavailableError,
 * LedgerConflictError, or the driver's own for a statement that is wrong.
 */
export const openLedger = ({
  databaseUrl,
  applicationName = 'inventoryrpa',
  maxConnections = 10,
  connectTimeoutMs = 1_000,
  statementTimeoutMs = 30_000,
  lockTimeoutMs = Math.ceil((statementTimeoutMs * 2) / 3),
  // One left open by a frozen process holds its chunk.
  idleInTransactionMs = 10_000,
  onError = () => {},
}: LedgerOptions): Ledger => {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: applicationName,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // Sooner, and another error: who waits for a lock is not to blame, who works that long may be.
    lock_timeout: lockTimeoutMs,
    query_timeout: statementTimeoutMs + answerMarginMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
    types,
  })
  pool.on('error', onError)
  const watched = (onStatement: () => () => void) =>
    new Kysely<Schema>({
      dialect: new PostgresDialect({ pool: withLedgerErrors(pool, onStatement) }),
    })
  return { db: watched(() => () => {}), watched, close: () => pool.end() }
}

const preparedMark = '/* prepared */'

/**
 * Begins a statement that is sent over and over: a connection parses and plans it once. It names its
 * columns, since a `*` fails on open connections once a migration adds one, and its text is always the
 * same, since each text is kept by each connection.
 */
export const prepared = sql.raw(preparedMark)

const preparedNames = new Map<string, string>()
const preparedName = (text: string) => {
  if (!text.startsWith(preparedMark)) return undefined
  const name = preparedNames.get(text) ?? `prepared_${preparedNames.size + 1}`
  preparedNames.set(text, name)
  return name
}

/** Whatever PostgreSQL says to one who is not let in, no statement is to blame. */
const connectError = (error: unknown) => {
  const meant = ledgerError(error)
  if (meant instanceof LedgerUnavailableError) return meant
  const reason = meant instanceof Error ? meant.message : String(meant)
  return new LedgerUnavailableError(`PostgreSQL lets nobody in: ${reason}`, { cause: error })
}

/** Every error leaves the driver with our meaning, and a connection that failed is not used again. */
const withLedgerErrors = (pool: pg.Pool, onStatement: () => () => void): PostgresPool => ({
  options: pool.options,
  connect: async () => {
    const client = await pool.connect().catch((error: unknown) => {
      throw connectError(error)
    })
    let broken = false
    const onError = () => {
      broken = true
    }
    client.on('error', onError)
    const query = async (text: string, parameters: readonly unknown[]) => {
      // A rollback would only wait for the next answer that does not come.
      if (broken) throw new LedgerUnavailableError('The connection to PostgreSQL is broken')
      const onAnswer = onStatement()
      try {
        return await client.query({ name: preparedName(text), text, values: [...parameters] })
      } catch (error) {
        const meant = ledgerError(error)
        if (meant instanceof LedgerUnavailableError) broken = true
        throw meant
      } finally {
        onAnswer()
      }
    }
    const release = () => {
      client.off('error', onError)
      client.release(broken)
    }
    // Kysely's second overload reads through a cursor, which nothing here does.
    return { query: query as unknown as PostgresPoolClient['query'], release }
  },
  end: () => pool.end(),
})

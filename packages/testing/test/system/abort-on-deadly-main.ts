import { existsSync } from 'node:fs'
import pg from 'pg'

/**
 * Loaded into an app before anything else: while the file exists, writing a movement of the SKU
 * "deadly" ends the process, as a fault in native code or running out of memory would.
 */
const file = process.env.DEADLY_WHILE as string
const query = pg.Client.prototype.query as (...args: unknown[]) => unknown

pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const { text, values } = args[0] as { text?: string; values?: unknown[] }
  const isWrite = text?.includes('insert into movements')
  if (isWrite && JSON.stringify(values).includes('deadly') && existsSync(file)) process.abort()
  return query.apply(this, args)
} as typeof pg.Client.prototype.query

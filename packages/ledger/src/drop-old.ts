import { type RawBuilder, sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import type { Schema } from './schema.ts'

/** So many rows of one statement: what is left comes with the next one. */
const mostRows = 10_000

/**
 * Drops the oldest rows of a table that are older than so many days, some at a time.
 * @param key its columns
 * @param age the column that tells it
 * @param unless which of the rows `r` stay all the same
 * @returns how many
 */
export const dropOld = async <Table extends keyof Schema & string>(
  db: LedgerDatabase,
  {
    table,
    key,
    age,
    days,
    unless = sql`false`,
  }: {
    table: Table
    key: readonly (keyof Schema[Table] & string)[]
    age: keyof Schema[Table] & string
    days: number
    unless?: RawBuilder<unknown>
  },
): Promise<number> => {
  const columns = sql.join(key.map((column) => sql.ref(column)))
  const { numAffectedRows } = await sql`
    delete from ${sql.table(table)} where (${columns}) in (
      select ${columns} from ${sql.table(table)} r
      where ${sql.ref(age)} < now() - make_interval(days => ${days}::int) and not (${unless})
      order by ${sql.ref(age)} limit ${mostRows}
    )
  `.execute(db)
  return Number(numAffectedRows ?? 0)
}

import { type Kysely, sql } from 'kysely'

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // A rate counts from the end of the canary.
  await sql`alter table redrives add column running_since timestamptz(3)`.execute(db)
  await sql`create index failed_attempts_by_age on failed_attempts (started_at)`.execute(db)
  // What two levels of numeric(18, 3) differ by.
  await sql`
    alter table discrepancies
      alter column expected type numeric(19, 3), alter column found type numeric(19, 3)
  `.execute(db)
}

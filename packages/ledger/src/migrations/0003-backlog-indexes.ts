import { type Kysely, sql } from 'kysely'

/** So that what waits and what was lately settled is counted without reading the chunks themselves. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create index chunks_pending on chunks (queue, created_at) include (line_count, not_before)
    where settled_at is null and dead_at is null
  `.execute(db)
  await sql`
    create index chunks_settled on chunks (settled_at) include (queue, line_count)
    where settled_at is not null and split_at is null
  `.execute(db)
}

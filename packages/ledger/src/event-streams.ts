import type { Batch, Event } from '@inventoryrpa/contracts'
import { sql } from 'kysely'
import { toBatch } from './batches.ts'
import type { LedgerDatabase } from './database.ts'
import { dropOld } from './drop-old.ts'
import { type EventRow, toEvent } from './events.ts'

/** Where a reader of a tenant's events stands. */
export type EventPosition = {
  tenantId: number
  /** The id of the last event that was read. */
  after: number
}

const latestOf = (tenantId: number) =>
  sql<number>`coalesce((select max(id) from events where tenant_id = ${tenantId}), 0)`

/** The id of a tenant's latest event; 0 when there is none. */
export const findLatestEvent = async (db: LedgerDatabase, tenantId: number): Promise<number> => {
  const { rows } = await sql<{ latest: number }>`
    select ${latestOf(tenantId)}::int8 as latest
  `.execute(db)
  return rows[0]?.latest ?? 0
}

/** What one snapshot has of a batch: nothing happens between these and what follows `latest`. */
export type BatchEvents = {
  batch: Batch
  events: Event[]
  /** The id of the tenant's latest event. */
  latest: number
}

/**
 * A batch, its events after the one with the id `after`, and where the tenant's events stand.
 * An id that was never given, as after a restore from a backup, counts as none.
 * @returns undefined when the tenant has no such batch
 */
export const readBatchEvents = async (
  db: LedgerDatabase,
  tenantId: number,
  batchId: string,
  after: number,
): Promise<BatchEvents | undefined> =>
  db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      const row = await trx
        .selectFrom('batches')
        .selectAll()
        .where('id', '=', batchId)
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst()
      if (!row) return undefined
      const latest = await findLatestEvent(trx, tenantId)
      const events = await trx
        .selectFrom('events')
        .selectAll()
        .where('batch_id', '=', batchId)
        .where('id', '>', after > latest ? 0 : after)
        .orderBy('id')
        .execute()
      return { batch: toBatch(row), events: events.map(toEvent), latest }
    })

/**
 * The next events for readers at these positions, at most `limit` for each, in their order. Events
 * become visible in the order of their ids, so none of a tenant is ever found before one that is read.
 * @returns a list for each position
 */
export const readEvents = async (
  db: LedgerDatabase,
  positions: readonly EventPosition[],
  limit: number,
): Promise<{ batchId: string; event: Event }[][]> => {
  const { rows } = await sql<EventRow & { place: number }>`
    select r.place, e.id, e.tenant_id, e.batch_id, e.type, e.data, e.created_at
    from unnest(
      ${positions.map(({ tenantId }) => tenantId)}::int[], ${positions.map(({ after }) => after)}::int8[]
    ) with ordinality r(tenant_id, after, place)
    cross join lateral (
      select * from events
      where tenant_id = r.tenant_id and id > r.after order by id limit ${limit}
    ) e
    order by r.place, e.id
  `.execute(db)
  const byPlace = Map.groupBy(rows, (row) => row.place)
  return positions.map((_, index) =>
    (byPlace.get(index + 1) ?? []).map((row) => ({ batchId: row.batch_id, event: toEvent(row) })),
  )
}

/** Batches of any tenant, for who may see them. */
export const findBatches = async (db: LedgerDatabase, ids: readonly string[]): Promise<Batch[]> => {
  const rows = await db.selectFrom('batches').selectAll().where('id', 'in', ids).execute()
  return rows.map(toBatch)
}

/** Events are kept for a week. */
export const dropOldEvents = (db: LedgerDatabase): Promise<number> =>
  dropOld(db, { table: 'events', key: ['id'], age: 'created_at', days: 7 })

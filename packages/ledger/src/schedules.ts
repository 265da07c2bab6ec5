import { randomUUIDv7 } from 'node:crypto'
import type { Schedule, ScheduleRequest } from '@inventoryrpa/contracts'
import { type Selectable, sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'
import type { StockKey } from './source-keys.ts'

export type ScheduleRow = Selectable<Schema['schedules']>

/** A schedule as the queue must know it. */
export type ScheduleTime = {
  id: string
  everySeconds: number | null
  cron: string | null
  timeZone: string | null
}

/** Makes it, or replaces the one of this name. */
export const putSchedule = async (
  db: LedgerDatabase,
  tenantId: number,
  name: string,
  { everySeconds, cron, timeZone, location }: ScheduleRequest,
): Promise<{ schedule: Schedule; time: ScheduleTime }> => {
  const rhythm = {
    every_seconds: everySeconds ?? null,
    cron: cron ?? null,
    time_zone: timeZone ?? null,
    location: location ?? null,
  }
  const row = await db
    .insertInto('schedules')
    .values({ id: randomUUIDv7(), tenant_id: tenantId, name, ...rhythm })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doUpdateSet(rhythm))
    .returningAll()
    .executeTakeFirstOrThrow()
  return { schedule: toSchedule(row), time: toTime(row) }
}

/** @returns its id, or undefined when there was none */
export const deleteSchedule = async (
  db: LedgerDatabase,
  tenantId: number,
  name: string,
): Promise<string | undefined> => {
  const row = await db
    .deleteFrom('schedules')
    .where('tenant_id', '=', tenantId)
    .where('name', '=', name)
    .returning('id')
    .executeTakeFirst()
  return row?.id
}

/** By name. */
export const listSchedules = async (
  db: LedgerDatabase,
  tenantId: number,
  { limit, cursor }: PageRequest,
): Promise<Page<Schedule>> => {
  const after = readCursor(cursor, ['text'])
  let query = db
    .selectFrom('schedules')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('name')
    .limit(limit + 1)
  if (after) query = query.where('name', '>', String(after[0]))
  const rows = await query.execute()
  return pageFrom(rows.map(toSchedule), limit, (last) => cursorOf([last.name]))
}

/** Those of all tenants, for the queue. */
export const listScheduleTimes = async (db: LedgerDatabase): Promise<ScheduleTime[]> =>
  (await db.selectFrom('schedules').selectAll().orderBy('id').execute()).map(toTime)

export const findSchedule = (db: LedgerDatabase, id: string): Promise<ScheduleRow | undefined> =>
  db.selectFrom('schedules').selectAll().where('id', '=', id).executeTakeFirst()

/** The levels that a schedule covers, in key order, from behind `after`. */
export const listScheduledLevels = async (
  db: LedgerDatabase,
  { tenant_id, location }: ScheduleRow,
  limit: number,
  after?: StockKey,
): Promise<StockKey[]> => {
  const { rows } = await sql<StockKey>`
    select sku, location from stock_levels where tenant_id = ${tenant_id}
      ${location === null ? sql`` : sql`and location = ${location}`}
      ${after ? sql`and (sku, location) > (${after.sku}, ${after.location})` : sql``}
    order by sku, location limit ${limit}
  `.execute(db)
  return rows
}

export const noteScheduledBatch = async (
  db: LedgerDatabase,
  id: string,
  batchId: string,
): Promise<void> => {
  await db.updateTable('schedules').set({ last_batch_id: batchId }).where('id', '=', id).execute()
}

const toTime = ({ id, every_seconds, cron, time_zone }: ScheduleRow): ScheduleTime => ({
  id,
  everySeconds: every_seconds,
  cron,
  timeZone: time_zone,
})

const toSchedule = (row: ScheduleRow): Schedule => ({
  name: row.name,
  everySeconds: row.every_seconds,
  cron: row.cron,
  timeZone: row.time_zone,
  location: row.location,
  createdAt: row.created_at.toISOString(),
  lastBatchId: row.last_batch_id,
})

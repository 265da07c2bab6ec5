import type {
  DeliveryState,
  EventType,
  WebhookDelivery,
  WebhookDeliveryWithLog,
} from '@inventoryrpa/contracts'
import { type Selectable, sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { dropOld } from './drop-old.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'

type Row = Selectable<Schema['webhook_deliveries']>

const toDelivery = (row: Row): WebhookDelivery => ({
  id: row.id,
  batchId: row.batch_id,
  type: row.type as EventType,
  url: row.url,
  state: row.state,
  attempts: row.attempts,
  nextAttemptAt: row.next_attempt_at?.toISOString() ?? null,
  expiresAt: row.expires_at.toISOString(),
  createdAt: row.created_at.toISOString(),
  settledAt: row.settled_at?.toISOString() ?? null,
})

/** Newest first. */
export const listWebhookDeliveries = async (
  db: LedgerDatabase,
  tenantId: number,
  {
    state,
    batchId,
    limit,
    cursor,
  }: PageRequest & { state?: DeliveryState | undefined; batchId?: string | undefined },
): Promise<Page<WebhookDelivery>> => {
  const after = readCursor(cursor, ['uuid'])
  let query = db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('id', 'desc')
    .limit(limit + 1)
  if (state) query = query.where('state', '=', state)
  if (batchId) query = query.where('batch_id', '=', batchId)
  if (after) query = query.where('id', '<', String(after[0]))
  const rows = await query.execute()
  return pageFrom(rows.map(toDelivery), limit, (last) => cursorOf([last.id]))
}

/** With all its attempts. Another tenant's is as absent as one that never was. */
export const findWebhookDelivery = async (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
): Promise<WebhookDeliveryWithLog | undefined> => {
  const row = await db
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst()
  if (!row) return undefined
  const attempts = await db
    .selectFrom('webhook_attempts')
    .selectAll()
    .where('delivery_id', '=', id)
    .orderBy('attempt')
    .execute()
  return {
    ...toDelivery(row),
    payload: row.payload,
    log: attempts.map(({ attempt, status, error, seconds, attempted_at }) => ({
      attempt,
      status,
      error,
      seconds,
      attemptedAt: attempted_at.toISOString(),
    })),
  }
}

/**
 * Makes a delivery due now, with a day ahead of it and its backoff begun anew. One that is just being
 * attempted may be sent twice, under one id.
 * @returns undefined when the tenant has no such delivery
 */
export const replayWebhookDelivery = async (
  db: LedgerDatabase,
  tenantId: number,
  id: string,
): Promise<WebhookDelivery | undefined> => {
  const row = await db
    .updateTable('webhook_deliveries')
    .set({
      state: 'pending',
      settled_at: null,
      attempts_before_replay: sql`attempts`,
      next_attempt_at: sql<Date>`now()`,
      expires_at: sql<Date>`now() + interval '1 day'`,
    })
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .returningAll()
    .executeTakeFirst()
  return row && toDelivery(row)
}

export type WebhookBacklog = {
  pending: number
  /** For how long the one that is due the longest has been. */
  dueSeconds: number
}

export const measureWebhooks = async (db: LedgerDatabase): Promise<WebhookBacklog> => {
  const { rows } = await sql<WebhookBacklog>`
    select count(*)::float8 as pending,
      coalesce(extract(epoch from now() - min(next_attempt_at)), 0)::float8 as "dueSeconds"
    from webhook_deliveries where state = 'pending'
  `.execute(db)
  const { pending = 0, dueSeconds = 0 } = rows[0] ?? {}
  return { pending, dueSeconds: Math.max(0, dueSeconds) }
}

/** Settled ones of a month ago are dropped with their attempts. */
export const dropOldDeliveries = (db: LedgerDatabase): Promise<number> =>
  dropOld(db, {
    table: 'webhook_deliveries',
    key: ['id'],
    age: 'created_at',
    days: 30,
    unless: sql`r.state = 'pending'`,
  })

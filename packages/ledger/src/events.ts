import { randomUUIDv7 } from 'node:crypto'
import type { Batch, Event, EventType } from '@inventoryrpa/contracts'
import { type Selectable, sql, type Transaction } from 'kysely'
import { type BatchRow, toBatch } from './batches.ts'
import type { Schema } from './schema.ts'

/** A class of advisory locks, with the tenant as the key: "EVNT" in ASCII. */
const eventsLock = 0x45564e54

/** Webhooks are tried for a day. */
const deliveryLifetimeMs = 24 * 3_600_000

export type EventRow = Selectable<Schema['events']>

export const toEvent = ({ id, type, data, created_at }: EventRow): Event => ({
  id: String(id),
  type: type as EventType,
  timestamp: created_at.toISOString(),
  data: data as Batch,
})

/**
 * Records what became of batches of one tenant, and the webhooks that tell their senders. Nearly last in
 * its transaction: from here on the tenant's others wait until it ends, so that events become visible in
 * the order of their ids, and whoever has read one has missed none before it.
 * @param happened batches as this transaction leaves them
 */
export const emitEvents = async (
  trx: Transaction<Schema>,
  tenantId: number,
  happened: readonly { batch: BatchRow; type: EventType }[],
): Promise<void> => {
  if (happened.length === 0) return
  await sql`select pg_advisory_xact_lock(${eventsLock}::int, ${tenantId}::int)`.execute(trx)
  const urls = new Map(happened.map(({ batch }) => [batch.id, batch.callback_url]))
  const recorded = await trx
    .insertInto('events')
    .values(
      happened.map(({ batch, type }) => ({
        tenant_id: tenantId,
        batch_id: batch.id,
        type,
        data: JSON.stringify(toBatch(batch)),
      })),
    )
    .returningAll()
    .execute()
  const deliveries = recorded.flatMap((row) => {
    const { batch_id, type, created_at } = row
    const url = urls.get(batch_id)
    if (!url) return []
    return [
      {
        id: randomUUIDv7(),
        tenant_id: tenantId,
        batch_id,
        type,
        url,
        host: new URL(url).host,
        payload: JSON.stringify(toEvent(row)),
        next_attempt_at: created_at,
        expires_at: new Date(created_at.getTime() + deliveryLifetimeMs),
      },
    ]
  })
  if (deliveries.length > 0) await trx.insertInto('webhook_deliveries').values(deliveries).execute()
}

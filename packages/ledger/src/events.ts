import { randomUUIDv7 } from 'node:crypto'
import type { Event, EventType } from '@inventoryrpa/contracts'
import { sql, type Transaction } from 'kysely'
import { toBatch } from './batches.ts'
import type { Schema } from './schema.ts'

/** A class of advisory locks, with the tenant as the key: "EVNT" in ASCII. */
const eventsLock = 0x45564e54

/** Webhooks are tried for a day. */
const deliveryLifetimeMs = 24 * 3_600_000

/**
 * Records what became of batches of one tenant, and the webhooks that tell their senders. Nearly last in
 * its transaction: from here on the tenant's others wait until it ends, so that events become visible in
 * the order of their ids, and whoever has read one has missed none before it.
 */
export const emitEvents = async (
  trx: Transaction<Schema>,
  tenantId: number,
  happened: readonly { batchId: string; type: EventType }[],
): Promise<void> => {
  if (happened.length === 0) return
  await sql`select pg_advisory_xact_lock(${eventsLock}::int, ${tenantId}::int)`.execute(trx)
  const rows = await trx
    .selectFrom('batches')
    .selectAll()
    .where(
      'id',
      'in',
      happened.map(({ batchId }) => batchId),
    )
    .execute()
  const batches = new Map(rows.map((row) => [row.id, row]))
  const recorded = await trx
    .insertInto('events')
    .values(
      happened.map(({ batchId, type }) => {
        const row = batches.get(batchId)
        if (!row) throw new Error(`an event of a batch that is not there: ${batchId}`)
        return {
          tenant_id: tenantId,
          batch_id: batchId,
          type,
          data: JSON.stringify(toBatch(row)),
        }
      }),
    )
    .returningAll()
    .execute()
  const deliveries = recorded.flatMap(({ id, batch_id, type, data, created_at }) => {
    const url = batches.get(batch_id)?.callback_url
    if (!url) return []
    const event = {
      id: String(id),
      type: type as EventType,
      timestamp: created_at.toISOString(),
      data: data as Event['data'],
    } satisfies Event
    return [
      {
        id: randomUUIDv7(),
        tenant_id: tenantId,
        batch_id,
        type,
        url,
        host: new URL(url).host,
        payload: JSON.stringify(event),
        next_attempt_at: created_at,
        expires_at: new Date(created_at.getTime() + deliveryLifetimeMs),
      },
    ]
  })
  if (deliveries.length > 0) await trx.insertInto('webhook_deliveries').values(deliveries).execute()
}

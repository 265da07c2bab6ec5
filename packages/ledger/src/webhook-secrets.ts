import { randomBytes } from 'node:crypto'
import type { WebhookSecret } from '@inventoryrpa/contracts'
import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'

/** As Standard Webhooks recommends: 24 to 64. */
const secretBytes = 32
const formerHours = 24

/**
 * Gives a tenant a new secret to sign its webhooks with. The one before signs them as well for a day,
 * so that receivers can be given the new one in their own time.
 */
export const rotateWebhookSecret = async (
  db: LedgerDatabase,
  tenantId: number,
): Promise<WebhookSecret> => {
  const secret = `whsec_${randomBytes(secretBytes).toString('base64')}`
  const row = await db
    .updateTable('tenants')
    .set({
      webhook_secret: secret,
      webhook_secret_before: sql`webhook_secret`,
      webhook_secret_before_until: sql`case when webhook_secret is not null
        then now() + make_interval(hours => ${formerHours}) end`,
    })
    .where('id', '=', tenantId)
    .returning('webhook_secret_before_until')
    .executeTakeFirstOrThrow()
  return { secret, formerSignsUntil: row.webhook_secret_before_until?.toISOString() ?? null }
}

export const hasWebhookSecret = async (db: LedgerDatabase, tenantId: number): Promise<boolean> => {
  const row = await db
    .selectFrom('tenants')
    .select('id')
    .where('id', '=', tenantId)
    .where('webhook_secret', 'is not', null)
    .executeTakeFirst()
  return row !== undefined
}

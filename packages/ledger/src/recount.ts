import { formatQuantity, levelKey } from '@inventoryrpa/inventory'
import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { lockLevels, movedSince } from './levels.ts'
import { retryConflicts } from './retry-conflicts.ts'
import type { StockKey } from './source-keys.ts'
import type { Readings } from './stored-lines.ts'

export type RecountDue = { tenantId: number; keys: StockKey[] }

/**
 * Open discrepancies with the source that were not looked at for `afterSeconds`, by tenant. Whoever
 * asks has them: nobody else is told of them for as long again.
 */
export const claimRecounts = async (
  db: LedgerDatabase,
  { afterSeconds, limit }: { afterSeconds: number; limit: number },
): Promise<RecountDue[]> => {
  const { rows } = await sql<StockKey & { tenant_id: number }>`
    update discrepancies set recounted_at = now() where id in (
      select id from discrepancies
      where resolved_at is null and kind = 'source'
        and coalesce(recounted_at, opened_at) <= now() - make_interval(secs => ${afterSeconds})
      order by coalesce(recounted_at, opened_at) limit ${limit} for update skip locked
    )
    returning tenant_id, sku, location
  `.execute(db)
  const byTenant = Map.groupBy(rows, (row) => row.tenant_id)
  return [...byTenant].map(([tenantId, own]) => ({
    tenantId,
    keys: own.map(({ sku, location }) => ({ sku, location })),
  }))
}

/**
 * Compares open discrepancies with what the source says now: what agrees is resolved as "agreed", what
 * does not is kept with the new figures. Stock is not changed. @returns how many agree
 */
export const recount = async (
  db: LedgerDatabase,
  { tenantId, keys }: RecountDue,
  readings: Readings,
): Promise<number> =>
  retryConflicts(db, async (trx) => {
    const moments = keys.flatMap((key) => {
      const reading = readings.get(levelKey(key.sku, key.location))
      if (!reading || reading.stale || reading.onHand === null) return []
      return [{ ...key, occurredAt: reading.asOf, reading, onHand: reading.onHand }]
    })
    const levels = await lockLevels(trx, tenantId, moments, { mayMakeLevels: true })
    const moved = await movedSince(trx, tenantId, moments)
    let agreed = 0
    for (const moment of moments) {
      const level = levels.get(levelKey(moment.sku, moment.location))
      const found = (level?.onHand ?? 0n) - moved(moment)
      const agrees = found === moment.onHand
      if (agrees) agreed += 1
      await sql`
        update discrepancies set recounts = recounts + 1,
          expected = ${formatQuantity(moment.onHand)}::numeric,
          found = ${formatQuantity(found)}::numeric,
          source = ${moment.reading.source}, as_of = ${new Date(moment.reading.asOf)},
          failover_code = ${moment.reading.failoverCode ?? null},
          resolved_at = ${agrees ? sql`now()` : null}, resolution = ${agrees ? 'agreed' : null}
        where tenant_id = ${tenantId} and sku = ${moment.sku} and location = ${moment.location}
          and kind = 'source' and resolved_at is null
      `.execute(trx)
    }
    return agreed
  })

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
    const looks = moments.map((moment) => {
      const { sku, location, reading, onHand: expected } = moment
      const level = levels.get(levelKey(sku, location))
      return { sku, location, reading, expected, found: (level?.onHand ?? 0n) - moved(moment) }
    })
    const { rows } = await sql<{ agrees: boolean }>`
      update discrepancies d set recounts = d.recounts + 1, expected = v.expected, found = v.found,
        source = v.source, as_of = v.as_of, failover_code = v.failover_code,
        resolved_at = case when v.expected = v.found then now() end,
        resolution = case when v.expected = v.found then 'agreed' end
      from unnest(
        ${looks.map((it) => it.sku)}::text[], ${looks.map((it) => it.location)}::text[],
        ${looks.map((it) => formatQuantity(it.expected))}::numeric[],
        ${looks.map((it) => formatQuantity(it.found))}::numeric[],
        ${looks.map((it) => it.reading.source)}::text[],
        ${looks.map((it) => new Date(it.reading.asOf).toISOString())}::timestamptz[],
        ${looks.map((it) => it.reading.failoverCode ?? null)}::text[]
      ) v(sku, location, expected, found, source, as_of, failover_code)
      where d.tenant_id = ${tenantId} and d.sku = v.sku and d.location = v.location
        and d.kind = 'source' and d.resolved_at is null
      returning v.expected = v.found as agrees
    `.execute(trx)
    return rows.filter((row) => row.agrees).length
  })

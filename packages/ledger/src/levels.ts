import {
  formatQuantity,
  type Level,
  levelKey,
  parseQuantity,
  type Thousandths,
} from '@inventoryrpa/inventory'
import { type RawBuilder, sql, type Transaction } from 'kysely'
import { arrayLiteral } from './array-literal.ts'
import { LedgerConflictError } from './errors.ts'
import type { Schema } from './schema.ts'

type LevelRow = {
  sku: string
  location: string
  on_hand: string
  version: number
  last_counted_at: Date | null
}

type Touching = {
  readonly sku: string
  readonly location: string
  /** Of a transfer. */
  readonly toLocation?: string
}

/** Some levels do not exist yet: to make them, start again with lockMakingOfLevels. */
export class LevelsMissingError extends Error {
  readonly code = 'LEVELS_MISSING'
  override readonly name = 'LevelsMissingError'
  readonly tenantId: number
  constructor(tenantId: number) {
    super(`some stock levels of tenant ${tenantId} do not exist yet`)
    this.tenantId = tenantId
  }
}

/** A class of advisory locks, with the tenant as the key: "LEVL" in ASCII. */
const makingLock = 0x4c45564c

/**
 * Lets one transaction of a tenant at a time make levels. Must be a transaction's first lock: whoever
 * waits here then holds nothing that another waits for.
 */
export const lockMakingOfLevels = async (
  trx: Transaction<Schema>,
  tenantId: number,
): Promise<void> => {
  await sql`select pg_advisory_xact_lock(${makingLock}::int, ${tenantId}::int)`.execute(trx)
}

const touchedKeys = (lines: readonly Touching[]) => {
  const keys = new Map<string, { sku: string; location: string }>()
  const touch = (sku: string, location: string) =>
    keys.set(levelKey(sku, location), { sku, location })
  for (const line of lines) {
    touch(line.sku, line.location)
    if (line.toLocation !== undefined) touch(line.sku, line.toLocation)
  }
  return [...keys.values()]
}

const selectLevels = async (
  trx: Transaction<Schema>,
  tenantId: number,
  touched: readonly { sku: string; location: string }[],
  locking: RawBuilder<unknown>,
): Promise<Map<string, Level>> => {
  const { rows } = await sql<LevelRow>`
    select l.sku, l.location, l.on_hand, l.version, l.last_counted_at
    from unnest(${arrayLiteral(touched.map((k) => k.sku))}::text[], ${arrayLiteral(touched.map((k) => k.location))}::text[]) k(sku, location)
    join stock_levels l on l.tenant_id = ${tenantId} and l.sku = k.sku and l.location = k.location
    order by l.sku, l.location
    ${locking}
  `.execute(trx)
  return new Map(
    rows.map((row) => [
      levelKey(row.sku, row.location),
      {
        onHand: parseQuantity(row.on_hand),
        version: row.version,
        lastCountedAt: row.last_counted_at?.getTime() ?? null,
      },
    ]),
  )
}

/** The levels that lines touch, as they are at this moment. */
export const readLevels = (
  trx: Transaction<Schema>,
  tenantId: number,
  lines: readonly Touching[],
): Promise<Map<string, Level>> => selectLevels(trx, tenantId, touchedKeys(lines), sql``)

/**
 * Locks the levels that lines touch, in key order, so that transactions never wait for each other in a
 * circle. A level that does not exist cannot be locked; two that made the same ones could wait for each
 * other's inserts, so a tenant's levels are made by one transaction at a time.
 * @throws LevelsMissingError when one does not exist and this transaction may not make it
 */
export const lockLevels = async (
  trx: Transaction<Schema>,
  tenantId: number,
  lines: readonly Touching[],
  { mayMakeLevels }: { mayMakeLevels: boolean },
): Promise<Map<string, Level>> => {
  const touched = touchedKeys(lines)
  const levels = await selectLevels(trx, tenantId, touched, sql`for update of l`)
  if (levels.size < touched.length && !mayMakeLevels) throw new LevelsMissingError(tenantId)
  return levels
}

type Moment = { readonly sku: string; readonly location: string; readonly occurredAt: number }

/** What the ledger moved on each level after a moment of it. The levels are locked by now. */
export const movedSince = async <T extends Moment>(
  trx: Transaction<Schema>,
  tenantId: number,
  moments: readonly T[],
): Promise<(moment: T) => Thousandths> => {
  if (moments.length === 0) return () => 0n
  const { rows } = await sql<{ place: number; moved: string }>`
    select k.place, coalesce(sum(m.quantity), 0) as moved
    from unnest(
      ${arrayLiteral(moments.map((k) => k.sku))}::text[], ${arrayLiteral(moments.map((k) => k.location))}::text[],
      ${arrayLiteral(moments.map((k) => new Date(k.occurredAt).toISOString()))}::timestamptz[]
    ) with ordinality k(sku, location, moment, place)
    left join movements m on m.tenant_id = ${tenantId} and m.sku = k.sku
      and m.location = k.location and m.occurred_at > k.moment
    group by k.place
  `.execute(trx)
  const moved = new Map(rows.map((row) => [moments[row.place - 1] as T, parseQuantity(row.moved)]))
  return (moment) => moved.get(moment) ?? 0n
}

/**
 * Writes changed levels: known ones are updated under their lock, new ones inserted.
 * @throws LedgerConflictError when someone without lockMakingOfLevels made one of the new ones first
 */
export const saveLevels = async (
  trx: Transaction<Schema>,
  tenantId: number,
  before: ReadonlyMap<string, Level>,
  after: ReadonlyMap<string, Level>,
): Promise<void> => {
  const known = [...after].filter(([key]) => before.has(key))
  const fresh = [...after].filter(([key]) => !before.has(key))
  if (known.length > 0) {
    await sql`
      update stock_levels l set
        on_hand = v.on_hand, version = v.version, last_counted_at = v.last_counted_at, updated_at = now()
      from ${levelValues(known)}
      where l.tenant_id = ${tenantId} and l.sku = v.sku and l.location = v.location
    `.execute(trx)
  }
  if (fresh.length > 0) {
    const { numAffectedRows } = await sql`
      insert into stock_levels (tenant_id, sku, location, on_hand, version, last_counted_at)
      select ${tenantId}, v.sku, v.location, v.on_hand, v.version, v.last_counted_at
      from ${levelValues(fresh)}
      on conflict do nothing
    `.execute(trx)
    if (Number(numAffectedRows) !== fresh.length) {
      throw new LedgerConflictError('another transaction made one of these stock levels first')
    }
  }
}

const levelValues = (levels: [string, Level][]) => {
  const keys = levels.map(([key]) => key.split('\u0000') as [string, string])
  return sql`unnest(
    ${arrayLiteral(keys.map(([sku]) => sku))}::text[], ${arrayLiteral(keys.map(([, location]) => location))}::text[],
    ${arrayLiteral(levels.map(([, level]) => formatQuantity(level.onHand)))}::numeric[],
    ${arrayLiteral(levels.map(([, level]) => level.version))}::bigint[],
    ${arrayLiteral(levels.map(([, { lastCountedAt }]) => (lastCountedAt === null ? null : new Date(lastCountedAt).toISOString())))}::timestamptz[]
  ) v(sku, location, on_hand, version, last_counted_at)`
}

import {
  type Count,
  formatQuantity,
  type Level,
  type Line,
  levelKey,
  parseQuantity,
  type Thousandths,
} from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
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

/**
 * Locks the levels that lines touch, in key order, so that chunks of existing levels never wait for
 * each other in a circle. Chunks that make the same new levels still can: PostgreSQL ends one, which
 * is run again.
 */
export const lockLevels = async (
  trx: Transaction<Schema>,
  tenantId: number,
  lines: readonly Line[],
): Promise<Map<string, Level>> => {
  const keys = new Map<string, { sku: string; location: string }>()
  const touch = (sku: string, location: string) =>
    keys.set(levelKey(sku, location), { sku, location })
  for (const line of lines) {
    touch(line.sku, line.location)
    if (line.type === 'transfer') touch(line.sku, line.toLocation)
  }
  const touched = [...keys.values()]
  const { rows } = await sql<LevelRow>`
    select l.sku, l.location, l.on_hand, l.version, l.last_counted_at
    from unnest(${arrayLiteral(touched.map((k) => k.sku))}::text[], ${arrayLiteral(touched.map((k) => k.location))}::text[]) k(sku, location)
    join stock_levels l on l.tenant_id = ${tenantId} and l.sku = k.sku and l.location = k.location
    order by l.sku, l.location
    for update of l
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

/** What the ledger moved on each counted level after its countedAt. The levels are locked by now. */
export const movedSinceCounts = async (
  trx: Transaction<Schema>,
  tenantId: number,
  lines: readonly Line[],
): Promise<(count: Count) => Thousandths> => {
  const counts = lines.filter((line) => line.type === 'count')
  if (counts.length === 0) return () => 0n
  const { rows } = await sql<{ line: number; moved: string }>`
    select c.line, coalesce(sum(m.quantity), 0) as moved
    from unnest(
      ${arrayLiteral(counts.map((c) => c.number))}::int[], ${arrayLiteral(counts.map((c) => c.sku))}::text[],
      ${arrayLiteral(counts.map((c) => c.location))}::text[],
      ${arrayLiteral(counts.map((c) => new Date(c.occurredAt).toISOString()))}::timestamptz[]
    ) c(line, sku, location, counted_at)
    left join movements m on m.tenant_id = ${tenantId} and m.sku = c.sku
      and m.location = c.location and m.occurred_at > c.counted_at
    group by c.line
  `.execute(trx)
  const moved = new Map(rows.map((row) => [row.line, parseQuantity(row.moved)]))
  return (count) => moved.get(count.number) ?? 0n
}

/**
 * Writes changed levels: known ones are updated under their lock, new ones inserted in key order.
 * @throws LedgerConflictError when another transaction made one of the new ones first
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
      order by v.sku collate "C", v.location collate "C"
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

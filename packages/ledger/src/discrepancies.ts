import { randomUUIDv7 } from 'node:crypto'
import {
  formatQuantity,
  type Level,
  type Line,
  levelKey,
  type Movement,
  type Reading,
  type Thousandths,
} from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import { arrayLiteral } from './array-literal.ts'
import { movedSince } from './levels.ts'
import type { Schema } from './schema.ts'
import type { Readings } from './stored-lines.ts'

export type Verification = {
  lines: readonly Line[]
  movements: readonly Movement[]
  /** As they are after the lines. */
  levels: ReadonlyMap<string, Level>
  readings: Readings | undefined
  batchOf: (line: Line) => string
}

type Found = {
  kind: 'count' | 'source'
  line: Line
  location: string
  /** By the ledger for a count, else by the source. */
  expected: Thousandths
  /** By the count, else in the ledger. */
  found: Thousandths
  reading?: Reading | undefined
}

/**
 * Compares counts with what the ledger had, and levels with what the stock source says of them.
 * What differs is an open discrepancy, one of a kind for each level; what agrees again is resolved.
 */
export const noteDiscrepancies = async (
  trx: Transaction<Schema>,
  tenantId: number,
  verification: Verification,
): Promise<void> => {
  const counted = verification.movements.flatMap(({ line, location, quantity }): Found[] => {
    if (line.type !== 'count') return []
    const found = line.quantity
    return [{ kind: 'count', line, location, expected: found - quantity, found }]
  })
  const read = await compareWithSource(trx, tenantId, verification)
  const latest = new Map<string, Found>()
  for (const it of [...counted, ...read]) {
    latest.set(`${it.kind} ${levelKey(it.line.sku, it.location)}`, it)
  }
  const all = [...latest.values()]
  await resolveAgreed(
    trx,
    tenantId,
    all.filter((it) => it.expected === it.found),
  )
  await open(
    trx,
    tenantId,
    all.filter((it) => it.expected !== it.found),
    verification.batchOf,
  )
}

/** Each touched level as the ledger has it at the moment of its reading. */
const compareWithSource = async (
  trx: Transaction<Schema>,
  tenantId: number,
  { lines, levels, readings }: Verification,
): Promise<Found[]> => {
  const moments = new Map<string, { line: Line; reading: Reading } & Moment>()
  for (const line of lines) {
    const places = line.type === 'transfer' ? [line.location, line.toLocation] : [line.location]
    for (const location of places) {
      const key = levelKey(line.sku, location)
      const reading = readings?.get(key)
      if (!reading || reading.stale || reading.onHand === null) continue
      moments.set(key, { line, reading, sku: line.sku, location, occurredAt: reading.asOf })
    }
  }
  const moved = await movedSince(trx, tenantId, [...moments.values()])
  return [...moments].map(([key, moment]) => ({
    kind: 'source',
    line: moment.line,
    location: moment.location,
    expected: moment.reading.onHand as Thousandths,
    found: (levels.get(key)?.onHand ?? 0n) - moved(moment),
    reading: moment.reading,
  }))
}

type Moment = { sku: string; location: string; occurredAt: number }

const open = async (
  trx: Transaction<Schema>,
  tenantId: number,
  found: readonly Found[],
  batchOf: (line: Line) => string,
) => {
  if (found.length === 0) return
  await sql`
    insert into discrepancies (id, tenant_id, sku, location, kind, batch_id, line, expected, found,
      source, as_of, failover_code)
    select v.id, ${tenantId}, v.sku, v.location, v.kind, v.batch_id, v.line, v.expected, v.found,
      v.source, v.as_of, v.failover_code
    from unnest(
      ${arrayLiteral(found.map(() => randomUUIDv7()))}::uuid[],
      ${arrayLiteral(found.map((it) => it.line.sku))}::text[],
      ${arrayLiteral(found.map((it) => it.location))}::text[],
      ${arrayLiteral(found.map((it) => it.kind))}::text[],
      ${arrayLiteral(found.map((it) => batchOf(it.line)))}::uuid[],
      ${arrayLiteral(found.map((it) => it.line.number))}::int[],
      ${arrayLiteral(found.map((it) => formatQuantity(it.expected)))}::numeric[],
      ${arrayLiteral(found.map((it) => formatQuantity(it.found)))}::numeric[],
      ${arrayLiteral(found.map((it) => it.reading?.source))}::text[],
      ${arrayLiteral(found.map((it) => it.reading && new Date(it.reading.asOf).toISOString()))}::timestamptz[],
      ${arrayLiteral(found.map((it) => it.reading?.failoverCode))}::text[]
    ) v(id, sku, location, kind, batch_id, line, expected, found, source, as_of, failover_code)
    order by v.sku collate "C", v.location collate "C", v.kind
    on conflict (tenant_id, sku, location, kind) where resolved_at is null do update set
      batch_id = excluded.batch_id, line = excluded.line, expected = excluded.expected,
      found = excluded.found, source = excluded.source, as_of = excluded.as_of,
      failover_code = excluded.failover_code
  `.execute(trx)
}

const resolveAgreed = async (
  trx: Transaction<Schema>,
  tenantId: number,
  agreed: readonly Found[],
) => {
  if (agreed.length === 0) return
  await sql`
    update discrepancies d set resolved_at = now(), resolution = 'agreed'
    from unnest(
      ${arrayLiteral(agreed.map((it) => it.line.sku))}::text[],
      ${arrayLiteral(agreed.map((it) => it.location))}::text[],
      ${arrayLiteral(agreed.map((it) => it.kind))}::text[]
    ) v(sku, location, kind)
    where d.tenant_id = ${tenantId} and d.sku = v.sku and d.location = v.location
      and d.kind = v.kind and d.resolved_at is null
  `.execute(trx)
}

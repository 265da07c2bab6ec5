import type { Movement as MovementAnswer } from '@inventoryrpa/contracts'
import { formatQuantity, type Line, type Movement, parseQuantity } from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import { arrayLiteral } from './array-literal.ts'
import type { LedgerDatabase } from './database.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'

const readingOf = ({ line }: Movement) => (line.type === 'sync' ? line.reading : undefined)

/** Appends movements. The primary key refuses a second one for the same line, whoever sends it. */
export const saveMovements = async (
  trx: Transaction<Schema>,
  tenantId: number,
  movements: readonly Movement[],
  batchOf: (line: Line) => string,
): Promise<void> => {
  if (movements.length === 0) return
  const hasRebased = movements.some((movement) => movement.rebased)
  const hasSync = movements.some((movement) => movement.line.type === 'sync')
  await sql`
    insert into movements (batch_id, tenant_id, line, leg, sku, location, type, quantity,
      on_hand_after, version, reason, reference, occurred_at, source, as_of, failover_code,
      rebased)
    select v.batch_id, ${tenantId}, v.line, v.leg, v.sku, v.location, v.type, v.quantity,
      v.on_hand_after, v.version, v.reason, v.reference, v.occurred_at, v.source,
      case when v.source is not null then v.occurred_at end, v.failover_code, v.rebased
    from unnest(
      ${arrayLiteral(movements.map((m) => batchOf(m.line)))}::uuid[],
      ${arrayLiteral(movements.map((m) => m.line.number))}::int[],
      ${arrayLiteral(movements.map((m) => m.leg))}::smallint[],
      ${arrayLiteral(movements.map((m) => m.line.sku))}::text[],
      ${arrayLiteral(movements.map((m) => m.location))}::text[],
      ${arrayLiteral(movements.map((m) => m.line.type))}::line_type[],
      ${arrayLiteral(movements.map((m) => formatQuantity(m.quantity)))}::numeric[],
      ${arrayLiteral(movements.map((m) => formatQuantity(m.onHandAfter)))}::numeric[],
      ${arrayLiteral(movements.map((m) => m.version))}::bigint[],
      ${arrayLiteral(movements.map((m) => m.line.reason))}::text[],
      ${arrayLiteral(movements.map((m) => m.line.reference))}::text[],
      ${arrayLiteral(movements.map((m) => new Date(m.line.occurredAt).toISOString()))}::timestamptz[],
      ${hasSync ? arrayLiteral(movements.map((m) => readingOf(m)?.source)) : null}::text[],
      ${hasSync ? arrayLiteral(movements.map((m) => readingOf(m)?.failoverCode)) : null}::text[],
      ${hasRebased ? arrayLiteral(movements.map((m) => (m.rebased ? 'true' : null))) : null}::boolean[]
    ) v(batch_id, line, leg, sku, location, type, quantity, on_hand_after, version, reason, reference, occurred_at, source, failover_code, rebased)
  `.execute(trx)
}

type MovementRow = {
  batch_id: string
  line: number
  leg: number
  type: MovementAnswer['type']
  sku: string
  location: string
  quantity: string
  on_hand_after: string
  version: number
  reason: string | null
  reference: string | null
  occurred_at: Date
  recorded_at: Date
  source: 'primary' | 'backup' | null
  as_of: Date | null
  failover_code: string | null
}

/**
 * A SKU's audit trail, latest occurrence first. Each of its levels is read by index only as far as
 * the page reaches, however long the trail is.
 */
export const listMovements = async (
  db: LedgerDatabase,
  tenantId: number,
  { sku, location, limit, cursor }: PageRequest & { sku: string; location?: string | undefined },
): Promise<Page<MovementAnswer>> => {
  const after = readCursor(cursor, ['instant', 'text', 'integer'])
  const { rows } = await sql<MovementRow>`
    select m.* from stock_levels l cross join lateral (
      select * from movements m
      where m.tenant_id = l.tenant_id and m.sku = l.sku and m.location = l.location
      ${
        after
          ? sql`and (m.occurred_at, m.location, m.version) < (${after[0]}::timestamptz, ${after[1]}, ${after[2]}::bigint)
              and m.occurred_at <= ${after[0]}::timestamptz`
          : sql``
      }
      order by m.occurred_at desc, m.version desc limit ${limit + 1}
    ) m
    where l.tenant_id = ${tenantId} and l.sku = ${sku}
    ${location === undefined ? sql`` : sql`and l.location = ${location}`}
    order by m.occurred_at desc, m.location desc, m.version desc
    limit ${limit + 1}
  `.execute(db)
  return pageFrom(rows.map(toMovement), limit, (last) =>
    cursorOf([last.occurredAt, last.location, last.version]),
  )
}

const toMovement = (row: MovementRow): MovementAnswer => ({
  batchId: row.batch_id,
  line: row.line,
  type: row.type,
  sku: row.sku,
  location: row.location,
  quantity: decimal(row.quantity),
  onHandAfter: decimal(row.on_hand_after),
  version: row.version,
  reason: row.reason,
  reference: row.reference,
  source:
    row.source === null || row.as_of === null
      ? null
      : {
          name: row.source,
          asOf: row.as_of.toISOString(),
          failedOverBecause: row.failover_code,
        },
  occurredAt: row.occurred_at.toISOString(),
  recordedAt: row.recorded_at.toISOString(),
})

/** PostgreSQL writes numeric(18, 3) with all its places; answers carry the shortest form. */
export const decimal = (numeric: string) => formatQuantity(parseQuantity(numeric))

import type { LineOutcome, Outcome } from '@inventoryrpa/contracts'
import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { appliedCode, settledLines } from './line-outcomes.ts'
import { decimal } from './movements.ts'
import type { Given } from './schema.ts'

/** What became of a line, and the line itself as far as it may be sent again. */
export type ReportLine = {
  line: number
  outcome: Outcome
  code: string | null
  detail: string | null
  given: Given
  onHandAfter: string | null
}

type Row = {
  line: number
  outcome: Outcome
  code: string | null
  detail: string | null
  type: NonNullable<LineOutcome['type']> | null
  sku: string
  location: string
  to_location: string | null
  quantity: string | null
  reason: string | null
  reference: string | null
  occurred_at: Date | null
  on_hand_after: string | null
  given: Given | null
}

/**
 * A batch's settled lines in their order, those after a line. Of an applied line the quantity is what
 * was moved; of any other it is what was sent.
 */
export const listReport = async (
  db: LedgerDatabase,
  batchId: string,
  { outcome, after, limit }: { outcome?: Outcome | undefined; after: number; limit: number },
): Promise<ReportLine[]> => {
  const applied = sql`
    select m.line, 'applied' as outcome, ${appliedCode} as code, null as detail, m.type, m.sku,
      m.location, other.location as to_location, m.quantity::text, m.reason, m.reference,
      m.occurred_at, m.on_hand_after::text, null::jsonb as given
    from movements m
    left join movements other on other.batch_id = m.batch_id and other.line = m.line and other.leg = 1
    where m.batch_id = ${batchId} and m.leg = 0 and m.line > ${after}
    order by m.line limit ${limit}`
  const others = sql`
    select line, outcome, code, detail, type, sku, location, null as to_location,
      null as quantity, null as reason, reference, null::timestamptz as occurred_at,
      null as on_hand_after, given
    from line_outcomes where batch_id = ${batchId} and line > ${after}
    ${outcome === undefined ? sql`` : sql`and outcome = ${outcome}`}
    order by line limit ${limit}`
  const { rows } = await sql<Row>`
    ${settledLines({ applied, others }, { outcome, limit })}
  `.execute(db)
  return rows.map(({ line, outcome, code, detail, on_hand_after, ...row }) => ({
    line,
    outcome,
    code,
    detail,
    given: row.given ?? givenOf(row),
    onHandAfter: on_hand_after === null ? null : decimal(on_hand_after),
  }))
}

const givenOf = (
  row: Omit<Row, 'line' | 'outcome' | 'code' | 'detail' | 'on_hand_after'>,
): Given => {
  const { type, sku, location, to_location: toLocation, reason, reference } = row
  const occurredAt = row.occurred_at?.toISOString()
  return {
    ...(type && { type }),
    sku,
    location,
    ...(toLocation !== null && { toLocation }),
    ...(row.quantity !== null && {
      // The first leg of a transfer takes away what it brings to the other.
      quantity: decimal(type === 'transfer' ? row.quantity.replace('-', '') : row.quantity),
    }),
    ...(reason !== null && { reason }),
    ...(reference !== null && { reference }),
    ...(occurredAt && { [type === 'count' ? 'countedAt' : 'observedAt']: occurredAt }),
  }
}

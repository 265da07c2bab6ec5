import {
  type LineField,
  type LineOutcome,
  lineFields,
  lineTypes,
  nameLengths,
  type Outcome,
} from '@inventoryrpa/contracts'
import { type Insertable, type RawBuilder, sql, type Transaction } from 'kysely'
import type { ChunkRef } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { decimal } from './movements.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Given, Schema } from './schema.ts'
import type { NumberedLine } from './stored-lines.ts'

type Row = Omit<LineOutcome, 'movements'> & {
  movements: { location: string; quantity: string; onHandAfter: string }[]
}

/** Of an applied line `m`. */
export const appliedCode = sql`case when m.rebased then 'rebased' end`

/**
 * Lines in their order: those that were applied, the others, or both, as an outcome asks for.
 */
export const settledLines = (
  { applied, others }: { applied: RawBuilder<unknown>; others: RawBuilder<unknown> },
  { outcome, limit }: { outcome: Outcome | undefined; limit: number },
) => {
  const both = sql`(${applied}) union all (${others})`
  const sources = outcome === undefined ? both : outcome === 'applied' ? applied : others
  return sql`select * from (${sources}) lines order by line limit ${limit}`
}

/**
 * The outcomes of a batch's lines in their order in the request. A line that is still pending has none.
 * An applied line is its movement; any other line has a row of its own.
 */
export const listLineOutcomes = async (
  db: LedgerDatabase,
  batchId: string,
  { outcome, limit, cursor }: PageRequest & { outcome?: Outcome | undefined },
): Promise<Page<LineOutcome>> => {
  const after = readCursor(cursor, ['integer'])?.[0] ?? 0
  const applied = sql`
    select m.line, 'applied' as outcome, ${appliedCode} as code, null as detail, m.type, m.sku, m.location,
      m.reference, (
        select json_agg(json_build_object(
          'location', leg.location, 'quantity', leg.quantity::text, 'onHandAfter', leg.on_hand_after::text
        ) order by leg.leg)
        from movements leg where leg.batch_id = m.batch_id and leg.line = m.line
      ) as movements
    from movements m where m.batch_id = ${batchId} and m.leg = 0 and m.line > ${after}::bigint
    order by m.line limit ${limit + 1}`
  const others = sql`
    select line, outcome, code, detail, type, sku, location, reference, '[]'::json as movements
    from line_outcomes where batch_id = ${batchId} and line > ${after}::bigint
    ${outcome === undefined ? sql`` : sql`and outcome = ${outcome}`}
    order by line limit ${limit + 1}`
  const { rows } = await sql<Row>`
    ${settledLines({ applied, others }, { outcome, limit: limit + 1 })}
  `.execute(db)
  const lines = rows.map((row) => ({
    ...row,
    movements: row.movements.map(({ location, quantity, onHandAfter }) => ({
      location,
      quantity: decimal(quantity),
      onHandAfter: decimal(onHandAfter),
    })),
  }))
  return pageFrom(lines, limit, (last) => cursorOf([last.line]))
}

/** What every line outcome says of its line, as it was sent. */
export const outcomeRow = ({ batchId, chunk }: ChunkRef, line: NumberedLine) => ({
  batch_id: batchId,
  line: line.number,
  chunk,
  type: line.type,
  sku: line.sku,
  location: line.location,
  reference: line.reference ?? null,
  given: JSON.stringify(givenOf(line)),
})

/** The fields that a line may be sent with, as far as they were. */
const givenOf = (line: NumberedLine): Given =>
  Object.fromEntries(
    lineFields.flatMap((field) => {
      const value = (line as Partial<Record<LineField, string | number>>)[field]
      return value === undefined ? [] : [[field, value]]
    }),
  )

/** A line of an upload that could not be read, as far as it could. */
export type InvalidLine = { detail: string; given: Given }

/** No chunk has it. */
const noChunk = -1

export const invalidRow = (batchId: string, number: number, { detail, given }: InvalidLine) => ({
  batch_id: batchId,
  line: number,
  chunk: noChunk,
  outcome: 'rejected' as const,
  code: 'invalid_line',
  detail: keepable(detail),
  type: lineTypes.find((type) => type === given.type) ?? null,
  sku: textOf(given.sku, nameLengths.sku),
  location: textOf(given.location, nameLengths.location),
  reference: given.reference === undefined ? null : textOf(given.reference, nameLengths.reference),
  given: JSON.stringify(given, (_, value) => (typeof value === 'string' ? keepable(value) : value)),
})

const textOf = (value: string | number | undefined, maxLength: number) =>
  keepable(String(value ?? ''))
    .slice(0, maxLength)
    .toWellFormed()

/** PostgreSQL keeps no NUL and no lone surrogate, and a fault may quote anything. */
export const keepable = (text: string) => text.replaceAll('\u0000', '\ufffd').toWellFormed()

/** 1,000 rows a statement: PostgreSQL takes 65,535 parameters. */
export const saveOutcomes = async (
  trx: Transaction<Schema>,
  rows: readonly Insertable<Schema['line_outcomes']>[],
): Promise<void> => {
  for (let from = 0; from < rows.length; from += 1_000) {
    await trx
      .insertInto('line_outcomes')
      .values(rows.slice(from, from + 1_000))
      .execute()
  }
}

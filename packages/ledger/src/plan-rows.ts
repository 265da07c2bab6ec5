import type { PlannedLine } from '@inventoryrpa/contracts'
import { type Applied, formatQuantity, type Line } from '@inventoryrpa/inventory'
import { sql, type Transaction } from 'kysely'
import { arrayLiteral } from './array-literal.ts'
import type { ChunkRef, LockedChunk } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'
import { decimal } from './movements.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'
import type { Schema } from './schema.ts'
import type { Plans } from './stored-lines.ts'

/** What would become of one level by one line; of a rejected line, the level that it was looked at with. */
type Row = {
  line: Line
  leg: number
  location: string
  quantity: string | null
  before: string
  after: string
  version: number
  code: string | null
  detail: string | null
}

export const plannedRows = ({ movements, rejections }: Applied): Row[] => [
  ...movements.map((movement) => ({
    line: movement.line,
    leg: movement.leg,
    location: movement.location,
    quantity: formatQuantity(movement.quantity),
    before: formatQuantity(movement.onHandAfter - movement.quantity),
    after: formatQuantity(movement.onHandAfter),
    version: movement.version - 1,
    code: movement.rebased ? 'rebased' : null,
    detail: null,
  })),
  ...rejections.flatMap(({ line, code, detail, levels }) =>
    levels.map(({ location, level }, leg) => ({
      line,
      leg,
      location,
      quantity: null,
      before: formatQuantity(level.onHand),
      after: formatQuantity(level.onHand),
      version: level.version,
      code,
      detail,
    })),
  ),
]

/** Takes the place of what was planned for the chunk before. */
export const savePlan = async (
  trx: Transaction<Schema>,
  { batchId, chunk }: ChunkRef,
  rows: readonly Row[],
): Promise<void> => {
  await trx
    .deleteFrom('planned_movements')
    .where('batch_id', '=', batchId)
    .where('chunk', '=', chunk)
    .execute()
  if (rows.length === 0) return
  await sql`
    insert into planned_movements (batch_id, chunk, line, leg, type, sku, location, reference, quantity,
      on_hand_before, on_hand_after, version, code, detail)
    select ${batchId}::uuid, ${chunk}::int, v.* from unnest(
      ${arrayLiteral(rows.map((row) => row.line.number))}::int[],
      ${arrayLiteral(rows.map((row) => row.leg))}::smallint[],
      ${arrayLiteral(rows.map((row) => row.line.type))}::line_type[],
      ${arrayLiteral(rows.map((row) => row.line.sku))}::text[],
      ${arrayLiteral(rows.map((row) => row.location))}::text[],
      ${arrayLiteral(rows.map((row) => row.line.reference))}::text[],
      ${arrayLiteral(rows.map((row) => row.quantity))}::numeric[],
      ${arrayLiteral(rows.map((row) => row.before))}::numeric[],
      ${arrayLiteral(rows.map((row) => row.after))}::numeric[],
      ${arrayLiteral(rows.map((row) => row.version))}::bigint[],
      ${arrayLiteral(rows.map((row) => row.code))}::text[],
      ${arrayLiteral(rows.map((row) => row.detail))}::text[]
    ) v
  `.execute(trx)
}

/** What the lines of chunks that are applied by a plan were planned on. */
export const readPlans = async (
  trx: Transaction<Schema>,
  chunks: readonly LockedChunk[],
): Promise<Map<LockedChunk, Plans>> => {
  const plans = new Map<LockedChunk, Plans>()
  for (const chunk of chunks) {
    const { onConflict } = chunk
    if (onConflict === null) continue
    // By lines: a part of a chunk that was split has another number than its plan.
    const { rows } = await sql<{ line: number; versions: number[] }>`
      select line, array_agg(version order by leg) as versions from planned_movements
      where batch_id = ${chunk.batchId} and line = any(${chunk.lineNumbers()}::int[])
      group by line
    `.execute(trx)
    plans.set(
      chunk,
      new Map(
        rows.map(({ line, versions }) => [line, { versions: versions.map(Number), onConflict }]),
      ),
    )
  }
  return plans
}

type PlannedRow = Omit<PlannedLine, 'movements' | 'outcome'> & {
  movements: {
    location: string
    quantity: string | null
    before: string
    after: string
    version: number
  }[]
}

/** What would become of a batch's lines, in their order in the request. */
export const listPlan = async (
  db: LedgerDatabase,
  batchId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<PlannedLine>> => {
  const after = readCursor(cursor, ['integer'])?.[0] ?? 0
  const { rows } = await sql<PlannedRow>`
    select line, min(code) as code, min(detail) as detail, min(type) as type, min(sku) as sku,
      min(location) filter (where leg = 0) as location, min(reference) as reference,
      json_agg(json_build_object(
        'location', location, 'quantity', quantity::text, 'before', on_hand_before::text,
        'after', on_hand_after::text, 'version', version
      ) order by leg) as movements
    from planned_movements where batch_id = ${batchId} and line > ${after}::bigint
    group by line order by line limit ${limit + 1}
  `.execute(db)
  const lines = rows.map((row) => ({
    ...row,
    outcome: row.movements[0]?.quantity === null ? ('rejected' as const) : ('applied' as const),
    movements: row.movements.map((movement) => ({
      ...movement,
      quantity: decimal(movement.quantity ?? '0'),
      before: decimal(movement.before),
      after: decimal(movement.after),
    })),
  }))
  return pageFrom(lines, limit, (last) => cursorOf([last.line]))
}

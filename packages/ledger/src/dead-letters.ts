import type { DeadLetter, DeadLetterGroup } from '@inventoryrpa/contracts'
import { sql } from 'kysely'
import type { LedgerDatabase } from './database.ts'
import { listFailedAttempts } from './failed-attempts.ts'
import { cursorOf, type Page, type PageRequest, pageFrom, readCursor } from './page.ts'

/** Of chunks c. What a release without fingerprints left dead is a group of its own. */
const fingerprint = sql`coalesce(c.fingerprint, 'unknown::ledger') collate "C"`
const code = sql`coalesce(c.error_code, 'unknown')`
const message = sql`coalesce(c.error, '')`

type GroupRow = {
  fingerprint: string
  code: string
  message: string
  lines: number
  first: Date
  last: Date
}

/** Dead letters by their fingerprint, in its order. */
export const listDeadLetterGroups = async (
  db: LedgerDatabase,
  tenantId: number,
  { limit, cursor }: PageRequest,
): Promise<Page<DeadLetterGroup>> => {
  const after = readCursor(cursor, ['text'])?.[0]
  const { rows } = await sql<GroupRow>`
    select ${fingerprint} as fingerprint, min(${code}) as code,
      (array_agg(${message} order by c.dead_at desc))[1] as message,
      sum(c.line_count)::int as lines, min(c.dead_at) as first, max(c.dead_at) as last
    from chunks c join batches b on b.id = c.batch_id
    where c.dead_at is not null and b.tenant_id = ${tenantId}
      ${after === undefined ? sql`` : sql`and ${fingerprint} > ${after}`}
    group by ${fingerprint}
    order by ${fingerprint} limit ${limit + 1}
  `.execute(db)
  const groups = rows.map(({ first, last, ...group }) => ({
    ...group,
    firstDeadAt: first.toISOString(),
    lastDeadAt: last.toISOString(),
  }))
  return pageFrom(groups, limit, (last) => cursorOf([last.fingerprint]))
}

export type DeadLetterFilter = {
  fingerprint?: string | undefined
  batchId?: string | undefined
  id?: string | undefined
}

/** `<batch>-<chunk>`: the name of the job, too. @throws SyntaxError for anything else */
const readId = (id: string) => {
  const [, batchId, chunk] = /^([0-9a-f-]{36})-(\d{1,9})$/.exec(id) ?? []
  if (batchId === undefined) throw new SyntaxError(`not the id of a dead letter: ${id}`)
  return { batchId, chunk: Number(chunk) }
}

/** As a condition on chunks c joined with batches b. */
export const matching = (tenantId: number, filter: DeadLetterFilter) => {
  const { batchId, id } = filter
  const one = id === undefined ? undefined : readId(id)
  return sql`
    c.dead_at is not null and b.tenant_id = ${tenantId}
    ${filter.fingerprint === undefined ? sql`` : sql`and ${fingerprint} = ${filter.fingerprint}`}
    ${batchId === undefined ? sql`` : sql`and c.batch_id = ${batchId}`}
    ${one ? sql`and c.batch_id = ${one.batchId} and c.chunk = ${one.chunk}` : sql``}`
}

type LetterRow = {
  batch_id: string
  chunk: number
  dead_at: Date
  fingerprint: string
  line: number | null
  type: DeadLetter['type']
  sku: string | null
  location: string | null
  reference: string | null
  code: string
  message: string
}

/** Dead letters with the history of their attempts, in the order of their batches. */
export const listDeadLetters = async (
  db: LedgerDatabase,
  tenantId: number,
  { limit, cursor, ...filter }: PageRequest & DeadLetterFilter,
): Promise<Page<DeadLetter>> => {
  const after = readCursor(cursor, ['uuid', 'integer'])
  const { rows } = await sql<LetterRow>`
    select c.batch_id, c.chunk, c.dead_at, ${fingerprint} as fingerprint, ${code} as code,
      ${message} as message, o.line, o.type, o.sku, o.location, o.reference
    from chunks c join batches b on b.id = c.batch_id
    left join lateral (
      select * from line_outcomes o
      where o.batch_id = c.batch_id and o.chunk = c.chunk and o.outcome = 'dead'
      order by line limit 1
    ) o on true
    where ${matching(tenantId, filter)}
      ${after ? sql`and (c.batch_id, c.chunk) > (${after[0]}::uuid, ${after[1]}::bigint)` : sql``}
    order by c.batch_id, c.chunk limit ${limit + 1}
  `.execute(db)
  const page = pageFrom(rows, limit, (last) => cursorOf([last.batch_id, last.chunk]))
  const attempts = await listFailedAttempts(
    db,
    page.items.map((row) => ({ batchId: row.batch_id, chunk: row.chunk })),
  )
  const items = page.items.map((row, index) => ({
    id: `${row.batch_id}-${row.chunk}`,
    batchId: row.batch_id,
    line: row.line,
    type: row.type,
    sku: row.sku,
    location: row.location,
    reference: row.reference,
    fingerprint: row.fingerprint,
    code: row.code,
    message: row.message,
    deadAt: row.dead_at.toISOString(),
    attempts: (attempts[index] ?? []).map((attempt) => ({
      ...attempt,
      startedAt: attempt.startedAt.toISOString(),
    })),
  }))
  return { items, nextCursor: page.nextCursor }
}

import { type QueueKind, queueKinds } from '@inventoryrpa/contracts'
import { sql } from 'kysely'
import { type ChunkRef, chunkKeys, isDue } from './chunks.ts'
import type { LedgerDatabase } from './database.ts'

/** What waits and is due: the lines that take turns. Scheduled lines are counted once their time has come. */
const waits = sql`c.settled_at is null and c.dead_at is null and ${isDue}`

/** Lines of a tenant that wait in a queue, by the priority of their batches, and the tenant's weight. */
export const countTenantBacklog = async (
  db: LedgerDatabase,
  {
    tenantId,
    queue,
    besides,
  }: {
    tenantId: number
    queue: QueueKind
    /** A batch that does not count. */
    besides: string
  },
): Promise<{ weight: number; low: number; normal: number; high: number }> => {
  const { rows } = await sql<{ weight: number; low: number; normal: number; high: number }>`
    select t.weight,
      coalesce(sum(c.line_count) filter (where b.priority = 'low'), 0)::bigint as low,
      coalesce(sum(c.line_count) filter (where b.priority = 'normal'), 0)::bigint as normal,
      coalesce(sum(c.line_count) filter (where b.priority = 'high'), 0)::bigint as high
    from tenants t
    left join batches b on b.tenant_id = t.id and b.completed_at is null and b.id <> ${besides}
    left join chunks c on c.batch_id = b.id and c.queue = ${queue} and ${waits}
    where t.id = ${tenantId}
    group by t.id
  `.execute(db)
  return rows[0] ?? { weight: 1, low: 0, normal: 0, high: 0 }
}

export type ChunkAhead = ChunkRef & { weight: number; linesAhead: number }

/**
 * For each of these chunks, the lines of its tenant that wait in the same queue and are to be applied
 * before it: those with a higher priority, and older ones with the same.
 */
export const countLinesAhead = async (
  db: LedgerDatabase,
  chunks: readonly ChunkRef[],
): Promise<ChunkAhead[]> => {
  const { rows } = await sql<ChunkAhead>`
    with asked as (
      select * from ${chunkKeys(chunks)} a(batch_id, chunk)
    ), tenant as (
      select distinct b.tenant_id from asked join batches b on b.id = asked.batch_id
    ), waiting as (
      select c.batch_id, c.chunk, t.weight, sum(c.line_count) over (
        partition by b.tenant_id, c.queue
        order by array_position(array['high', 'normal', 'low'], b.priority), c.batch_id, c.chunk
      ) - c.line_count as lines_ahead
      from tenant join tenants t on t.id = tenant.tenant_id
      join batches b on b.tenant_id = t.id and b.completed_at is null
      join chunks c on c.batch_id = b.id and ${waits}
    )
    select batch_id as "batchId", chunk, weight, lines_ahead::bigint as "linesAhead"
    from waiting join asked using (batch_id, chunk)
  `.execute(db)
  return rows
}

export type TenantLines = { lines: number; weight: number }

/** Lines of each tenant that are accepted and not settled, scheduled ones as well. Reads all open chunks. */
export const countTenantLines = async (
  db: LedgerDatabase,
): Promise<[tenantId: number, TenantLines][]> => {
  const { rows } = await sql<TenantLines & { tenant_id: number }>`
    select b.tenant_id, t.weight, sum(c.line_count)::float8 as lines
    from chunks c join batches b on b.id = c.batch_id join tenants t on t.id = b.tenant_id
    where c.settled_at is null and c.dead_at is null and c.queue = any(${[...queueKinds]})
    group by b.tenant_id, t.weight
  `.execute(db)
  return rows.map(({ tenant_id, lines, weight }) => [tenant_id, { lines, weight }])
}

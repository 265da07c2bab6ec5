import { type ConnectionOptions, Worker } from 'bullmq'
import type pg from 'pg'
import { type LineJob, queueName } from './queue.ts'

/** One transaction a line. The movement comes first: if it is there already, the line was applied before. */
export const applyLine = async (pool: pg.Pool, job: LineJob): Promise<void> => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const inserted = await client.query(
      `insert into movements (batch_id, line, sku, location, quantity, reason, reference, occurred_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
      [
        job.batchId,
        job.line,
        job.sku,
        job.location,
        job.quantity,
        job.reason,
        job.reference,
        job.observedAt ?? new Date(),
      ],
    )
    if (inserted.rowCount === 1) {
      await client.query(
        `insert into stock_levels (sku, location, on_hand) values ($1, $2, $3)
         on conflict (sku, location)
         do update set on_hand = stock_levels.on_hand + excluded.on_hand, updated_at = now()`,
        [job.sku, job.location, job.quantity],
      )
    }
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

export const startWorker = (
  pool: pg.Pool,
  connection: ConnectionOptions,
  { concurrency, prefix }: { concurrency: number; prefix?: string },
): Worker<LineJob> =>
  new Worker<LineJob>(queueName, (job) => applyLine(pool, job.data), {
    connection,
    concurrency,
    ...(prefix && { prefix }),
  })

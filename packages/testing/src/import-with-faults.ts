import pg from 'pg'
import type { Redis } from './redis-server.ts'
import { submitLines } from './submit-lines.ts'
import type { TestSystem } from './test-system.ts'
import { until } from './until.ts'

type Fault = 'kill-worker' | 'flush-redis' | 'restart-redis'

/** Ten killed workers, Redis emptied twice and restarted once: with no Redis, only the kills. */
const redisFaults: Fault[] = [
  ...Array<Fault>(3).fill('kill-worker'),
  'flush-redis',
  ...Array<Fault>(3).fill('kill-worker'),
  'restart-redis',
  ...Array<Fault>(2).fill('kill-worker'),
  'flush-redis',
  ...Array<Fault>(2).fill('kill-worker'),
]
const killsOnly = redisFaults.filter((fault) => fault === 'kill-worker')

export interface FaultReport {
  batchIds: string[]
  /** What was done, and how many lines were pending when it was done. */
  injected: { fault: Fault; pendingLines: number }[]
}

/**
 * Submits lines and injects the faults while the workers drain them, evenly over the work, so that
 * each one finds work under way. @throws Error if the work was done before the last fault: then
 * the run shows nothing
 */
export async function importWithFaults(
  system: TestSystem,
  databaseUrl: string,
  lines: readonly object[],
  redis: Redis | undefined,
): Promise<FaultReport> {
  const plan = redis ? redisFaults : killsOnly
  const injected: FaultReport['injected'] = []
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const settledLines = async () => {
    const { rows } = await client.query(
      'select coalesce(sum(total - pending), 0)::int as settled from batches',
    )
    return rows[0].settled as number
  }
  const inject = async (fault: Fault) => {
    if (fault === 'kill-worker') await system.replaceWorker()
    else if (fault === 'flush-redis') await redis?.flushAll()
    else await redis?.restart()
  }
  try {
    const submitting = submitLines(system, lines)
    submitting.catch(() => undefined)
    for (const [index, fault] of plan.entries()) {
      const due = Math.floor((lines.length * (index + 1)) / (plan.length + 2))
      await until(async () => (await settledLines()) >= due, {
        timeoutMs: 120_000,
        everyMs: 10,
        describe: `${due} lines settled before ${fault}`,
      })
      const pendingLines = lines.length - (await settledLines())
      if (pendingLines <= 0) throw new Error(`void: nothing was left when ${fault} was due`)
      await inject(fault)
      injected.push({ fault, pendingLines })
    }
    return { batchIds: await submitting, injected }
  } finally {
    await client.end()
  }
}

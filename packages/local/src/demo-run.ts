import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Batch, type BatchCounts, callApi } from './api-client.ts'
import type { OnlineRetailLine } from './online-retail.ts'
import { type ProgressOutput, startProgress } from './progress.ts'
import type { System } from './system.ts'

export interface DemoOutcome {
  counts: BatchCounts
  /** From sending the first line to seeing the last one settled. */
  seconds: number
}

const maxBatchLines = 10_000
const pollMs = 50
const stuckAfterMs = 60_000

/**
 * Sends the lines in batches and follows them until each is settled. Every call makes new batches.
 * @throws Error when nothing moves for a minute, or when `asked` aborts
 */
export async function submitAndFollow(
  system: System,
  { reference, lines }: { reference: string; lines: OnlineRetailLine[] },
  output: ProgressOutput,
  asked: AbortSignal,
): Promise<DemoOutcome> {
  const progress = startProgress(reference, lines.length, output)
  const start = performance.now()
  try {
    const run = randomUUID()
    const ids: string[] = []
    for (let from = 0; from < lines.length; from += maxBatchLines) {
      const part = lines.slice(from, from + maxBatchLines)
      const body = { reference, mode: 'apply', negativeStock: 'allow', lines: part }
      const idempotencyKey = `demo-${run}-${from}`
      ids.push((await callApi<Batch>(system, '/v1/batches', { body, idempotencyKey })).id)
    }
    let seen = -1
    let seenAt = performance.now()
    for (;;) {
      const batches = ids.map((id) => callApi<Batch>(system, `/v1/batches/${id}`))
      const counts = addUp((await Promise.all(batches)).map((batch) => batch.counts))
      const settled = counts.total - counts.pending
      progress.update(settled)
      if (settled === counts.total) return { counts, seconds: (performance.now() - start) / 1000 }
      if (settled !== seen) seenAt = performance.now()
      seen = settled
      if (performance.now() - seenAt > stuckAfterMs)
        throw new Error(
          `${counts.pending} lines are still pending and nothing has moved for a minute`,
        )
      await delay(pollMs, undefined, { signal: asked })
    }
  } finally {
    progress.stop()
  }
}

function addUp(all: BatchCounts[]): BatchCounts {
  const sum = { total: 0, applied: 0, rejected: 0, held: 0, dead: 0, cancelled: 0, pending: 0 }
  for (const counts of all) {
    for (const key of Object.keys(sum) as (keyof BatchCounts)[]) sum[key] += counts[key] ?? 0
  }
  return sum
}

/** What is wrong with the outcome of a day whose every line must be applied; undefined if nothing. */
export function whatIsMissing(counts: BatchCounts, sent: number): string | undefined {
  const { total, applied, rejected } = counts
  if (total !== sent) return `${sent} lines were sent but the batches count ${total}`
  if (applied + rejected !== total)
    return `${total - applied - rejected} of ${total} lines were neither applied nor rejected`
  if (applied !== total) return `${rejected} of ${total} lines were rejected`
  return undefined
}

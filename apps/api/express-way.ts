import type { BatchPriority } from '@inventoryrpa/contracts'

/** A batch of more lines queues with the large ones. */
const mostLines = 100
/** Of one tenant, by each API process: beyond it small batches queue with the large ones. */
const linesPerSecond = 500
const burstLines = 1_000

type Allowance = { lines: number; at: number }

export type ExpressWay = ReturnType<typeof createExpressWay>

/**
 * Says which batches take the express queue: small ones, which others' large ones are not to hold up.
 * Each tenant has an allowance that fills up again, so that whoever sends everything in small batches
 * gets no more than by large ones. Losing it allows a little more once.
 */
export const createExpressWay = ({
  now = () => performance.now(),
}: {
  now?: () => number
} = {}) => {
  const allowances = new Map<number, Allowance>()
  const allowance = (tenantId: number): Allowance => {
    const { lines, at } = allowances.get(tenantId) ?? { lines: burstLines, at: now() }
    const refilled = lines + ((now() - at) / 1_000) * linesPerSecond
    return { lines: Math.min(burstLines, refilled), at: now() }
  }
  const forgetFull = () => {
    for (const tenantId of allowances.keys()) {
      if (allowance(tenantId).lines === burstLines) allowances.delete(tenantId)
    }
  }

  return {
    /** Whether a batch takes it; if so, its lines are taken from the allowance. */
    admits: (
      tenantId: number,
      batch: { lines: number; priority: BatchPriority; notBefore: Date | undefined },
    ): boolean => {
      // Many become due at one instant, whenever they were sent.
      if (batch.lines > mostLines || batch.priority === 'low' || batch.notBefore) return false
      if (allowances.size >= 1_000) forgetFull()
      const { lines, at } = allowance(tenantId)
      if (batch.lines > lines) return false
      allowances.set(tenantId, { lines: lines - batch.lines, at })
      return true
    },
  }
}

import { type BatchPriority, batchPriorities } from '@inventoryrpa/contracts'
import { positionOf, tagAt } from './tags.ts'

/** Lines of a tenant that wait, by the priority of their batches. */
export type TenantBacklog = { weight: number } & Record<BatchPriority, number>

export type BatchToPlace = {
  tenantId: number
  priority: BatchPriority
  /** Of each of its chunks, in their order. */
  chunkLines: readonly number[]
}

type Positions = { readAt: number; readMs: number; weight: number } & Record<BatchPriority, number>

/** Counting a backlog may take a twentieth of the time at most, and happens every second at most. */
const freshMs = 1_000
const readShare = 20
const mostTenants = 1_000

/**
 * Gives tags to batches as they are accepted, without a query for each: a tenant's backlog is counted
 * about once a second, and what this process queues meanwhile is added up. What is kept here is only a
 * copy: when it is lost, or others queue for the same tenant, the next count sets it right.
 */
export const createTenantPositions = ({
  virtualTime,
  countBacklog,
  now = () => performance.now(),
}: {
  virtualTime: () => Promise<number>
  /** Without the batch that is to be placed. */
  countBacklog: (tenantId: number, batchId: string) => Promise<TenantBacklog>
  now?: () => number
}) => {
  const tenants = new Map<number, Positions>()
  const counting = new Map<number, Promise<Positions>>()
  const isFresh = ({ readAt, readMs }: Positions) =>
    now() - readAt < Math.max(freshMs, readShare * readMs)

  const count = async (tenantId: number, batchId: string): Promise<Positions> => {
    const started = now()
    const [time, backlog] = await Promise.all([virtualTime(), countBacklog(tenantId, batchId)])
    let linesAhead = 0
    const at = (priority: BatchPriority) => {
      linesAhead += backlog[priority]
      return positionOf({ virtualTime: time, linesAhead, weight: backlog.weight })
    }
    const positions = {
      readAt: now(),
      readMs: now() - started,
      weight: backlog.weight,
      high: at('high'),
      normal: at('normal'),
      low: at('low'),
    }
    if (tenants.size >= mostTenants) tenants.clear()
    tenants.set(tenantId, positions)
    return positions
  }
  const positionsOf = async (tenantId: number, batchId: string) => {
    const known = tenants.get(tenantId)
    if (known && isFresh(known)) return known
    const underWay =
      counting.get(tenantId) ??
      count(tenantId, batchId).finally(() => {
        counting.delete(tenantId)
      })
    counting.set(tenantId, underWay)
    return underWay
  }

  return {
    /** @returns a tag for each of its chunks */
    place: async (batchId: string, batch: BatchToPlace): Promise<number[]> => {
      const { tenantId, priority, chunkLines } = batch
      const positions = await positionsOf(tenantId, batchId)
      const start = positionOf({ virtualTime: await virtualTime(), linesAhead: 0, weight: 1 })
      // Those that run after it move back by what it brings.
      const behind = batchPriorities.slice(0, batchPriorities.indexOf(priority) + 1)
      return chunkLines.map((lines) => {
        const tag = tagAt(Math.max(start, positions[priority]))
        for (const it of behind) {
          positions[it] = Math.max(start, positions[it]) + lines / positions.weight
        }
        return tag
      })
    },
  }
}

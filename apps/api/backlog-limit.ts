import {
  countTenantLines,
  type LedgerDatabase,
  measureBacklog,
  type TenantLines,
} from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'

export type BacklogLimit = {
  /** @returns 0 when the tenant may add lines, else when to ask again */
  secondsUntilRoom(tenantId: number): Promise<number>
}

type Measured = {
  pendingLines: number
  drainSeconds: number
  tenants: ReadonlyMap<number, TenantLines>
}

/** Whoever has more than what is free has at least half of the limit. */
const crowded = 1 / 2
const everyMs = 1_000
/** Measuring takes no more than this part of the time. */
const timeShare = 1 / 20
/** Older figures refuse nobody: a request waits for new ones. */
const staleAfterMs = 5_000
/** When nothing moves nobody knows; workers may be back any time. */
const longestRetrySeconds = 600

/**
 * A tenant may have as many lines waiting as there is room left, times its weight (dynamic thresholds of
 * shared buffers: Choudhury and Hahne, 1998). One alone gets half of the limit, two get a third each, and
 * whoever comes next always finds room.
 * @returns 0 when it may add lines, else the share of the drain time that its excess takes
 */
export const secondsUntilRoom = (
  own: TenantLines,
  {
    limitLines,
    pendingLines,
    drainSeconds,
  }: { limitLines: number; pendingLines: number; drainSeconds: number },
): number => {
  const room = own.weight * Math.max(0, limitLines - pendingLines)
  if (own.lines < room) return 0
  const seconds = drainSeconds * ((own.lines - room) / own.lines)
  return Math.ceil(Math.min(Math.max(seconds, 1), longestRetrySeconds))
}

/** Says whether a tenant may add lines, by figures that are measured beside the requests. */
export const createBacklogLimit = ({
  db,
  limitLines,
  logger,
}: {
  db: LedgerDatabase
  limitLines: number
  logger: Logger
}): BacklogLimit => {
  let measured: Measured | undefined
  let measuring: Promise<void> | undefined
  let began = Number.NEGATIVE_INFINITY
  let tookMs = 0

  const measure = async () => {
    const queues = await measureBacklog(db)
    const pendingLines = queues.reduce((sum, queue) => sum + queue.pendingLines, 0)
    const isCrowded = pendingLines >= limitLines * crowded
    measured = {
      pendingLines,
      drainSeconds: Math.max(...queues.map((queue) => queue.drainSeconds)),
      tenants: new Map(isCrowded ? await countTenantLines(db) : []),
    }
  }
  const measureNow = () => {
    if (measuring) return measuring
    began = performance.now()
    measuring = measure()
      // Whether a batch can be stored, storing it will show.
      .catch((err) => {
        measured = undefined
        logger.warn({ err }, 'the backlog is not known')
      })
      .finally(() => {
        tookMs = performance.now() - began
        measuring = undefined
      })
    return measuring
  }

  return {
    secondsUntilRoom: async (tenantId) => {
      if (limitLines === Number.POSITIVE_INFINITY) return 0
      const age = performance.now() - began
      if (age > Math.max(everyMs, tookMs / timeShare)) {
        const done = measureNow()
        if (age > Math.max(staleAfterMs, (2 * tookMs) / timeShare)) await done
      }
      const own = measured?.tenants.get(tenantId)
      return measured && own ? secondsUntilRoom(own, { ...measured, limitLines }) : 0
    },
  }
}

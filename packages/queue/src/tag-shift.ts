import type { Queue } from 'bullmq'
import { shiftAbove, shiftedTag } from './tags.ts'
import { readVirtualTime } from './virtual-time.ts'

const pageSize = 1_000
/** So long others may still add with tags of before. */
const settlingMs = 10_000

/**
 * Keeps the tags of a queue that is never empty from running out: once they are high, takes what the
 * queue stands at from all of them. Each of its calls changes what is to be changed, and says how much.
 */
export const createTagShift = (
  queue: Queue,
  now: () => number = () => performance.now(),
): (() => Promise<number>) => {
  let last: { virtualTime: number; at: number } | undefined

  const shiftOnce = async (virtualTime: number) => {
    let shifted = 0
    for (let from = 0; ; from += pageSize) {
      const page = await queue.getPrioritized(from, from + pageSize - 1)
      for (const job of page) {
        if (!job || job.priority < virtualTime) continue
        // The lowest comes first: it passes over those behind it, and over none in front of it.
        await job.changePriority({ priority: shiftedTag(job.priority, virtualTime) })
        shifted += 1
      }
      if (page.length < pageSize) return shifted
    }
  }

  return async () => {
    const virtualTime = await readVirtualTime(queue)
    if (virtualTime > shiftAbove) last = { virtualTime, at: now() }
    if (!last || now() - last.at > settlingMs) return 0
    // Jobs that were taken meanwhile moved others to pages already read.
    let shifted = 0
    for (let more = 1; more > 0; shifted += more) more = await shiftOnce(last.virtualTime)
    return shifted
  }
}

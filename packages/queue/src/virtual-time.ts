import type { Queue } from 'bullmq'

/** The tag that runs next; 0 when nothing waits. */
export const readVirtualTime = async (queue: Queue): Promise<number> => {
  const [next] = await queue.getPrioritized(0, 0)
  return next?.priority ?? 0
}

/** This old it is read again. */
const freshMs = 250
/** A retried job stands in front with the tag of its first turn: for so long that says nothing. */
const stragglerMs = 2_000

/**
 * Where a queue stands, read at most every 250 ms. It goes up, and back to the start when the queue
 * is empty; what is lower than before without that is believed only if it lasts.
 */
export const watchVirtualTime = (
  read: () => Promise<number>,
  now: () => number = () => performance.now(),
): (() => Promise<number>) => {
  let held = { time: 0, confirmedAt: Number.NEGATIVE_INFINITY }
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<number> | undefined

  const readAgain = async () => {
    const time = await read()
    readAt = now()
    const lasts = readAt - held.confirmedAt > stragglerMs
    if (time === 0 || time >= held.time || lasts) held = { time, confirmedAt: readAt }
    return held.time
  }
  return async () => {
    if (now() - readAt < freshMs) return held.time
    reading ??= readAgain().finally(() => {
      reading = undefined
    })
    return reading
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Target } from './contestant.ts'
import type { Database } from './database.ts'
import { openSender } from './submit.ts'
import { VoidRound } from './void-round.ts'

export const linesPerSmallBatch = 10

const completedWithinMs = 60_000
const jitterMs = 20
const isCompleted = {
  name: 'is-completed',
  text: 'select completed_at is not null as completed from batches where id = $1',
}

/** Ten of two hundred levels, the same over and over, as a shop that reports its sales. */
const smallBody = (index: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      reference: `small-${index}`,
      negativeStock: 'allow',
      lines: Array.from({ length: linesPerSmallBatch }, (_, line) => ({
        type: 'adjustment',
        sku: `SMALL-${(index * linesPerSmallBatch + line) % 200}`,
        location: 'Leeds',
        quantity: -1,
        reason: 'sale',
      })),
    }),
  )

export type SmallBatches = {
  /** Sends one and waits. @returns milliseconds from the first byte sent until it reads completed */
  one(): Promise<number>
}

/** Looks every millisecond, from a connection of its own. */
export const smallBatches = (
  database: Database,
  target: Target,
): SmallBatches & AsyncDisposable => {
  const sender = openSender(target, 1)
  let sent = 0
  return {
    one: async () => {
      const started = performance.now()
      const id = await sender.post(smallBody(sent++))
      while (!(await database.client.query({ ...isCompleted, values: [id] })).rows[0]?.completed) {
        if (performance.now() - started > completedWithinMs) {
          throw new VoidRound(`a small batch was not completed in ${completedWithinMs / 1_000} s`)
        }
        await delay(1)
      }
      return performance.now() - started
    },
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  }
}

/** One batch after another, `everyMs` apart, as long as `goesOn`. @returns milliseconds of each */
export const sendSmallBatches = async (
  small: SmallBatches,
  { everyMs, goesOn }: { everyMs: number; goesOn: (sent: number) => boolean },
): Promise<number[]> => {
  const took: number[] = []
  while (goesOn(took.length)) {
    const ms = await small.one()
    took.push(ms)
    // Never in step with anyone's timer.
    await delay(Math.max(0, everyMs - ms + (Math.random() - 0.5) * jitterMs))
  }
  return took
}

import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** In bytes. */
export type QueueMemory = { used: number; keys: number }

const settledWithin = 40
const pauseMs = 250

/** Reads what Redis holds, once it is at rest: buffers of connections and of the file are given back by then. */
export const watchQueueMemory = (
  redisUrl: string,
): AsyncDisposable & { read(): Promise<QueueMemory> } => {
  const redis = new Redis(redisUrl)

  const usedAtRest = async () => {
    let last = Number.NaN
    for (let sample = 0; sample < settledWithin; sample += 1) {
      const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
      // Connections come and go by some hundred bytes.
      if (Math.abs(used - last) < 1_024) return used
      last = used
      await delay(pauseMs)
    }
    return last
  }

  const usedByKeys = async () => {
    let bytes = 0
    for await (const page of redis.scanStream({ count: 1_000 })) {
      const names = [...new Set<string>(page)]
      const pipeline = redis.pipeline()
      for (const name of names) pipeline.memory('USAGE', name, 'SAMPLES', 0)
      for (const [, usage] of (await pipeline.exec()) ?? []) bytes += Number(usage ?? 0)
    }
    return bytes
  }

  return {
    read: async () => ({ used: await usedAtRest(), keys: await usedByKeys() }),
    [Symbol.asyncDispose]: async () => redis.disconnect(),
  }
}

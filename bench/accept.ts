import { setTimeout as delay } from 'node:timers/promises'
import type { Running } from './contestant.ts'
import type { Load } from './load.ts'
import { watchQueueMemory } from './queue-memory.ts'
import { submitAll } from './submit.ts'
import { VoidRound } from './void-round.ts'

export type AcceptResult = {
  linesPerSecond: number
  /** used_memory before and after, by the lines queued between. */
  redisBytesPerLine: number
  /** The same by MEMORY USAGE of every key: without the servers' tables and buffers. */
  redisKeyBytesPerLine: number
  /** Of all cores, while the bodies were sent. */
  generatorShare: number
}

export type AcceptPlan = {
  warmUp: Load
  load: Load
  connections: number
  cores: number
  /** This process's CPU time so far. */
  cpuSeconds: () => number
  /** Milliseconds until a line that is not queued counts as lost; default 30,000. */
  queuedWithinMs?: number
}

/**
 * Sends bodies while no worker runs, so that accepting alone is timed; then what they take in Redis.
 * @throws VoidRound when a line of a 202 is not there
 */
export const measureAccept = async (
  running: Running,
  redisUrl: string,
  { warmUp, load, connections, cores, cpuSeconds, queuedWithinMs = 30_000 }: AcceptPlan,
): Promise<AcceptResult> => {
  await using memory = watchQueueMemory(redisUrl)
  await submitAll(running.target, warmUp.bodies, connections)
  await untilQueued(running, warmUp.lines, queuedWithinMs)
  const before = await memory.read()

  const cpuBefore = cpuSeconds()
  const seconds = await submitAll(running.target, load.bodies, connections)
  const generatorShare = (cpuSeconds() - cpuBefore) / seconds / cores

  const total = warmUp.lines + load.lines
  await untilQueued(running, total, queuedWithinMs)
  const after = await memory.read()
  const accepted = await running.countAccepted()
  if (accepted !== total) throw new VoidRound(`${accepted} of ${total} accepted lines are kept`)
  return {
    linesPerSecond: load.lines / seconds,
    redisBytesPerLine: (after.used - before.used) / load.lines,
    redisKeyBytesPerLine: (after.keys - before.keys) / load.lines,
    generatorShare,
  }
}

const untilQueued = async (running: Running, lines: number, withinMs: number) => {
  const deadline = performance.now() + withinMs
  for (;;) {
    const queued = await running.countQueued()
    if (queued === lines) return
    if (performance.now() > deadline) throw new VoidRound(`${queued} of ${lines} lines are queued`)
    await delay(50)
  }
}

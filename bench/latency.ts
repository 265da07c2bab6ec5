import { setTimeout as delay } from 'node:timers/promises'
import type { Running } from './contestant.ts'
import type { Database } from './database.ts'
import type { Load } from './load.ts'
import { percentile } from './statistics.ts'
import { openSender } from './submit.ts'
import { VoidRound } from './void-round.ts'

/** In milliseconds. */
export type LatencyResult = {
  acceptedP50Ms: number
  acceptedP99Ms: number
  appliedP50Ms: number
  appliedP99Ms: number
}

const warmUpLines = 20
const appliedWithinMs = 10_000
const longestPauseMs = 10

/** The same statement on both sides: the movement is there, and others see it. */
const isApplied = {
  name: 'is-applied',
  text: 'select exists (select from movements where batch_id = $1) as applied',
}

/**
 * One line at a time on an idle system: until its 202, and until another connection reads its
 * movement. It looks every millisecond, and pauses at random in between, so that it falls into step
 * with nobody's timer.
 */
export const measureLatency = async (
  running: Running,
  database: Database,
  { bodies }: Load,
): Promise<LatencyResult> => {
  await using sender = openSender(running.target, 1)
  const accepted: number[] = []
  const applied: number[] = []
  for (const [index, body] of bodies.entries()) {
    const started = performance.now()
    const id = await sender.post(body)
    const acceptedMs = performance.now() - started
    while (!(await database.client.query({ ...isApplied, values: [id] })).rows[0]?.applied) {
      if (performance.now() - started > appliedWithinMs) {
        throw new VoidRound(`a single line was not applied within ${appliedWithinMs / 1_000} s`)
      }
      await delay(1)
    }
    if (index >= warmUpLines) {
      accepted.push(acceptedMs)
      applied.push(performance.now() - started)
    }
    await delay(Math.random() * longestPauseMs)
  }
  return {
    acceptedP50Ms: percentile(accepted, 50),
    acceptedP99Ms: percentile(accepted, 99),
    appliedP50Ms: percentile(applied, 50),
    appliedP99Ms: percentile(applied, 99),
  }
}

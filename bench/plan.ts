import type { OnlineRetailLine } from '@inventoryrpa/local'
import type { Contestant } from './contestant.ts'
import { createLoad, type Load } from './load.ts'

/** What one contestant is given in each round. */
export type Plan = {
  accept: { warmUp: Load; load: Load; connections: number }
  endToEnd: { warmUp: Load; load: Load; connections: number; deadlineMs: number }
  latency: Load
  workers: number
}

type Size = { bodies: number; connections: number }

/**
 * Bodies of 1,000 lines, so many that either side is busy for some seconds, over as many connections
 * as both are fastest with (of 2, 4 and 8).
 */
const full: Record<Contestant['name'], { accept: Size; endToEnd: Size; singles: number }> = {
  ours: {
    accept: { bodies: 300, connections: 4 },
    endToEnd: { bodies: 200, connections: 4 },
    singles: 320,
  },
  naive: {
    accept: { bodies: 80, connections: 4 },
    endToEnd: { bodies: 10, connections: 4 },
    singles: 320,
  },
}

const workers = 2
const deadlineMs = 60_000
const quickShare = 0.25

/** The same for every round; made once, so that nothing is put together while a clock runs. */
export const createPlan = (
  name: Contestant['name'],
  day: readonly OnlineRetailLine[],
  { quick }: { quick: boolean },
): Plan => {
  const share = quick ? quickShare : 1
  const { accept, endToEnd, singles } = full[name]
  const loadOf = (bodies: number) =>
    createLoad(day, { bodies: Math.ceil(bodies * share), linesPerBody: 1_000 })
  // As much again first: a server runs for weeks, and its compiler is done within seconds.
  const loads = ({ bodies, connections }: Size) => ({
    connections,
    warmUp: loadOf(bodies),
    load: loadOf(bodies),
  })
  return {
    accept: loads(accept),
    endToEnd: { ...loads(endToEnd), deadlineMs },
    latency: createLoad(day, { bodies: Math.ceil(singles * share), linesPerBody: 1 }),
    workers,
  }
}

import { measureAccept } from './accept.ts'
import type { Contestant, Running } from './contestant.ts'
import { openDatabase } from './database.ts'
import { measureEndToEnd } from './end-to-end.ts'
import { measureLatency } from './latency.ts'
import { type PeakMemory, watchPeakMemory } from './peak-memory.ts'
import type { Plan } from './plan.ts'
import type { Servers } from './servers.ts'
import { VoidRound } from './void-round.ts'

/** Lines a second, milliseconds, bytes and megabytes, as the names say. */
export type Figures = {
  acceptLinesPerSecond: number
  endToEndLinesPerSecond: number
  acceptedP50Ms: number
  acceptedP99Ms: number
  appliedP50Ms: number
  appliedP99Ms: number
  redisBytesPerLine: number
  redisKeyBytesPerLine: number
  apiPeakMb: number
  workerPeakMb: number
  generatorShare: number
}

export type RoundResult =
  | { contestant: Contestant['name']; outcome: 'measured'; figures: Figures }
  | { contestant: Contestant['name']; outcome: 'void'; reason: string }

export type RoundDeps = { servers: Servers; cores: number; cpuSeconds: () => number }

/** One contestant, twice on an empty database and an empty Redis: without workers, then with them. */
export const runRound = async (
  contestant: Contestant,
  plan: Plan,
  deps: RoundDeps,
): Promise<RoundResult> => {
  try {
    const accepting = await measureWithoutWorkers(contestant, plan, deps)
    const working = await measureWithWorkers(contestant, plan, deps)
    const figures = {
      ...accepting,
      ...working,
      apiPeakMb: Math.max(accepting.apiPeakMb, working.apiPeakMb),
    }
    return { contestant: contestant.name, outcome: 'measured', figures }
  } catch (error) {
    if (!(error instanceof VoidRound)) throw error
    return { contestant: contestant.name, outcome: 'void', reason: error.message }
  }
}

const measureWithoutWorkers = async (
  contestant: Contestant,
  plan: Plan,
  { servers, cores, cpuSeconds }: RoundDeps,
) => {
  await using stand = await servers.openStand()
  await using running = await contestant.start(stand, 0)
  using memory = watchPeakMemory(pidsOf(running))
  const { linesPerSecond, ...accept } = await measureAccept(running, stand.redisUrl, {
    ...plan.accept,
    cores,
    cpuSeconds,
  })
  return { acceptLinesPerSecond: linesPerSecond, ...accept, ...(await peaks(memory, running)) }
}

const measureWithWorkers = async (contestant: Contestant, plan: Plan, { servers }: RoundDeps) => {
  await using stand = await servers.openStand()
  await using database = await openDatabase(stand.databaseUrl)
  await using running = await contestant.start(stand, plan.workers)
  using memory = watchPeakMemory(pidsOf(running))
  return {
    endToEndLinesPerSecond: await measureEndToEnd(running, database, plan.endToEnd),
    ...(await measureLatency(running, database, plan.latency)),
    ...(await peaks(memory, running)),
  }
}

const pidsOf = ({ pids }: Running) => [pids.api, ...pids.workers]

const peaks = async (memory: PeakMemory, { pids }: Running) => {
  const peak = await memory.read()
  return {
    apiPeakMb: peak.get(pids.api) as number,
    workerPeakMb: Math.max(0, ...pids.workers.map((pid) => peak.get(pid) as number)),
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import { type Database, openDatabase } from './database.ts'
import { startFairnessStand } from './fairness-stand.ts'
import { createLoad, type Load } from './load.ts'
import type { RunDeps } from './run.ts'
import type { Servers } from './servers.ts'
import { sendSmallBatches, smallBatches } from './small-batches.ts'
import { submitAll } from './submit.ts'

export type FairnessPlan = {
  backend: 'redis' | 'postgres'
  largeLines: number
  /** Of the small tenant's batches. */
  everyMs: number
  unloadedBatches: number
  workers: number
  /** One process more, for small chunks alone. */
  ownExpress: boolean
}

export type FairnessFigures = {
  /** Milliseconds of each small batch while nothing else is to be done. */
  unloaded: number[]
  /** And while the large tenant's lines are applied. */
  loaded: number[]
  /** The large tenant's lines a second. */
  linesPerSecond: number
}

const linesPerBody = 10_000
const connections = 2
const askEveryMs = 25
/** So that nobody's start is measured, with load or without. */
const warmUpBatches = 5

/** The large tenant's lines are all queued before the first worker starts. */
export const measureFairness = async (
  servers: Servers,
  day: RunDeps['day'],
  plan: FairnessPlan,
  { withSmall }: { withSmall: boolean },
): Promise<FairnessFigures> => {
  await using stand = await servers.openStand()
  await using database = await openDatabase(stand.databaseUrl)
  await using polling = await openDatabase(stand.databaseUrl)
  await using system = await startFairnessStand(stand, plan.backend)
  await using small = smallBatches(polling, system.targets.small)

  const warmUp = () =>
    sendSmallBatches(small, { everyMs: 50, goesOn: (sent) => sent < warmUpBatches })
  const measureUnloaded = async () => {
    await using _workers = await system.startWorkers(plan.workers, plan)
    await warmUp()
    return await sendSmallBatches(small, {
      everyMs: plan.everyMs,
      goesOn: (sent) => sent < plan.unloadedBatches,
    })
  }
  const unloaded = withSmall ? await measureUnloaded() : []

  const lines = await queueLarge(database, system.targets.large, day, plan.largeLines)
  await using _workers = await system.startWorkers(plan.workers, plan)
  const started = performance.now()
  let isDone = false
  const applying = untilApplied(database, lines).finally(() => {
    isDone = true
  })
  const measureLoaded = async () => {
    await warmUp()
    return await sendSmallBatches(small, { everyMs: plan.everyMs, goesOn: () => !isDone })
  }
  const loaded = withSmall ? await measureLoaded() : []
  const seconds = ((await applying) - started) / 1_000
  // The last one may have been sent when the large tenant's lines were done.
  return {
    unloaded,
    loaded: loaded.slice(0, -1),
    linesPerSecond: lines / seconds,
  }
}

/**
 * A hundred thousand at a time, so that their bodies do not fill the memory. Beside others on the
 * machine a body may be refused; another goes in its place. @returns how many lines there are then
 */
const queueLarge = async (
  database: Database,
  target: Parameters<typeof submitAll>[0],
  day: RunDeps['day'],
  lines: number,
): Promise<number> => {
  for (;;) {
    const queued = await linesOf(database, 'total')
    if (queued >= lines) return queued
    const bodies = Math.min(10, Math.ceil((lines - queued) / linesPerBody))
    const load: Load = createLoad(day, { bodies, linesPerBody })
    await submitAll(target, load.bodies, connections).catch(() => undefined)
  }
}

/** Of the large tenant. */
const linesOf = (database: Database, counter: 'total' | 'applied') =>
  database.number(
    `select sum(b.${counter}) as number from batches b join tenants t on t.id = b.tenant_id
     where t.name = 'large'`,
  )

/** @returns when it was */
const untilApplied = async (database: Database, lines: number) => {
  while ((await linesOf(database, 'applied')) < lines) await delay(askEveryMs)
  return performance.now()
}

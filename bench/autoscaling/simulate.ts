import { setTimeout as delay } from 'node:timers/promises'
import type { OnlineRetailLine } from '@inventoryrpa/local'
import { checkLedger, until } from '@inventoryrpa/testing'
import { ask, type Scale, scaleUp } from './ask.ts'
import type { Look } from './curve.ts'
import { type Scrape, scrape } from './exposition.ts'
import { type Stop, startFleet } from './fleet.ts'
import { type History, noHistory, scale } from './hpa-behavior.ts'
import type { CpuHpa, KedaScaler } from './manifests.ts'
import { type SimulatedStand, startApi } from './stand.ts'

export type SimulationOptions = Scale & {
  autoscaler: CpuHpa | KedaScaler
  graceSeconds: number
  /** How often Prometheus scrapes the API. */
  scrapeSeconds: number
  /** Queued before the first worker starts. */
  lines: number
  /** Seconds of the cluster until it is given up. */
  atMostSeconds: number
}

export type Simulation = {
  looks: Look[]
  stops: readonly Stop[]
  /** How many lines were pending when workers were told to stop. */
  pendingAtStops: number[]
  submittedLines: number
  /** Seconds of this machine until the backlog was gone. */
  drainSeconds: number
  /** Every way in which the ledger differs from plain sums. */
  faults: string[]
}

/** Of the controller and of the metrics server: the defaults of Kubernetes. */
const lookEverySeconds = 15
const cpuEverySeconds = 15
/** For the workers that are about to stop, so that they have something in hand. */
const burst = { lines: 3_000, bodyLines: 150 }
const scrapeTimeoutMs = 2_000

/** Runs API and workers, and starts and stops workers as the autoscaler says by what they export. */
export const simulate = async (
  stand: SimulatedStand,
  day: readonly OnlineRetailLine[],
  options: SimulationOptions,
): Promise<Simulation> => {
  const { autoscaler, speed } = options
  await using api = await startApi(stand, day)
  await api.submit(options.lines, 5_000)
  await using fleet = startFleet({
    // What a worker finishes after SIGTERM, it says at this level.
    env: { ...api.env, WORKER_QUEUES: 'apply,plan,sync', LOG_LEVEL: 'debug' },
    graceMs: options.graceSeconds * 1_000,
    onLog: stand.onLog,
  })
  const started = performance.now()
  const clusterSeconds = () => ((performance.now() - started) / 1_000) * speed
  const over = new AbortController()
  const every = async (seconds: number, offset: number, run: () => Promise<void>) => {
    for (let due = offset; !over.signal.aborted; due += seconds) {
      const wait = ((due - clusterSeconds()) / speed) * 1_000
      // A look that is late is not made up for.
      if (wait < -(seconds / speed) * 1_000) continue
      await delay(Math.max(0, wait), undefined, { signal: over.signal }).catch(() => undefined)
      if (!over.signal.aborted) await run()
    }
  }

  let scrapes: Scrape[] = []
  const scrapeApi = async () => {
    const samples = await scrape(api.opsUrl, scrapeTimeoutMs).catch(() => [])
    // Nothing that the queries look at is older.
    const kept = scrapes.filter(({ at }) => at > clusterSeconds() - 600)
    scrapes = [...kept, { at: clusterSeconds(), samples: scaleUp(samples, options) }]
  }

  const looks: Look[] = []
  const pendingAtStops: number[] = []
  let history: History = noHistory
  let drainSeconds = Number.NaN

  const amidBurst = async (run: () => void) => {
    const amid = async () => {
      const describe = 'lines of the burst pending'
      pendingAtStops.push(await until(api.pendingLines, { everyMs: 2, describe }))
      run()
    }
    await Promise.all([api.submit(burst.lines, burst.bodyLines), amid()])
  }
  const look = async () => {
    const at = clusterSeconds()
    const current = fleet.size
    const { asked, because } = ask(autoscaler, fleet, scrapes, options)
    const scaled = scale(autoscaler, { at, current, asked }, history)
    history = scaled.history
    const pending = await api.pendingLines()
    if (pending === 0 && Number.isNaN(drainSeconds)) drainSeconds = at / speed
    const { ready } = fleet
    const { replicas: next } = scaled
    const pendingLines = pending * options.linesPerLine
    looks.push({ at, replicas: current, next, ready, asked, because, pendingLines })
    if (next < current) await amidBurst(() => fleet.resize(next))
    else fleet.resize(next)
    const wasUp = looks.some((it) => it.replicas > autoscaler.bounds.minReplicas)
    const isOver = wasUp && next === autoscaler.bounds.minReplicas && asked <= next && pending === 0
    if (isOver || at > options.atMostSeconds) over.abort()
  }

  fleet.resize(autoscaler.bounds.minReplicas)
  await Promise.all([
    every(options.scrapeSeconds, options.scrapeSeconds / 2, scrapeApi),
    every(cpuEverySeconds, cpuEverySeconds / 2, fleet.scrape),
    every(lookEverySeconds, lookEverySeconds, look),
  ])
  await until(async () => (await api.pendingLines()) === 0, {
    timeoutMs: 120_000,
    describe: 'nothing pending',
  })
  await fleet.settle()
  return {
    looks,
    stops: [...fleet.stops],
    pendingAtStops,
    submittedLines: api.submitted.length,
    drainSeconds,
    faults: await checkLedger(stand.databaseUrl, api.submitted),
  }
}

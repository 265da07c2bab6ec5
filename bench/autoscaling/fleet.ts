import { fileURLToPath } from 'node:url'
import { type AppProcess, spawnApp } from '@inventoryrpa/local'
import { scrape } from './exposition.ts'
import type { PodCpu } from './hpa-replicas.ts'

export type Stop = Awaited<ReturnType<AppProcess['stop']>> & {
  worker: string
  /** Lines in the chunks that it had in hand when it was told to stop, and finished. */
  linesFinished: number
}

type Pod = {
  app: AppProcess
  opsUrl: string | undefined
  /** CPU seconds with when they were read, in seconds: the last two readings. */
  readings: { at: number; cpuSeconds: number }[]
  stopping: boolean
  linesFinished: number
}

export type FleetOptions = {
  env: Record<string, string | undefined>
  graceMs: number
  onLog: (name: string, line: string) => void
}

export type Fleet = AsyncDisposable & {
  readonly size: number
  readonly ready: number
  /** All that were stopped and have ended. */
  readonly stops: readonly Stop[]
  /** Starts as many more as are missing, or sends SIGTERM to the newest; waits for neither. */
  resize(replicas: number): void
  /** Reads every worker's CPU seconds. */
  scrape(): Promise<void>
  /** Each worker's CPU between the last two readings. @param utilization of its request, for so many cores */
  cpu(utilization: (cores: number) => number): PodCpu[]
  /** Waits until all that were told to stop have ended. */
  settle(): Promise<void>
}

const entry = fileURLToPath(new URL('../../apps/worker/main.ts', import.meta.url))
const scrapeTimeoutMs = 1_000

/** Worker processes, as a Deployment keeps pods. */
export const startFleet = ({ env, graceMs, onLog }: FleetOptions): Fleet => {
  const pods: Pod[] = []
  const stops: Stop[] = []
  const ending = new Set<Promise<void>>()
  let started = 0

  const start = () => {
    started += 1
    const name = `worker-${started}`
    const pod: Pod = {
      app: spawnApp({
        name,
        entry,
        env,
        onLog: (line) => {
          onLog(name, line)
          if (pod.stopping) pod.linesFinished += linesOf(line)
        },
      }),
      opsUrl: undefined,
      readings: [],
      stopping: false,
      linesFinished: 0,
    }
    pod.app.ready.then(
      ({ opsUrl }) => {
        pod.opsUrl = opsUrl
      },
      (error: Error) => onLog(name, error.message),
    )
    pods.push(pod)
  }
  const stop = (pod: Pod) => {
    pod.stopping = true
    const ended = pod.app.stop({ graceMs }).then((exit) => {
      stops.push({ worker: pod.app.name, ...exit, linesFinished: pod.linesFinished })
      ending.delete(ended)
    })
    ending.add(ended)
  }
  const settle = async () => {
    await Promise.all(ending)
  }

  return {
    get size() {
      return pods.length
    },
    get ready() {
      return pods.filter(({ opsUrl }) => opsUrl !== undefined).length
    },
    stops,
    resize: (replicas) => {
      while (pods.length < replicas) start()
      // A ReplicaSet deletes those first that have been ready for the shortest time.
      for (const pod of pods.splice(replicas).reverse()) stop(pod)
    },
    scrape: async () => {
      await Promise.all(
        pods.map(async (pod) => {
          if (pod.opsUrl === undefined) return
          const cpuSeconds = await readCpuSeconds(pod.opsUrl).catch(() => undefined)
          if (cpuSeconds === undefined) return
          pod.readings = [...pod.readings.slice(-1), { at: performance.now() / 1_000, cpuSeconds }]
        }),
      )
    },
    cpu: (utilization) =>
      pods.map(({ opsUrl, readings: [before, last] }): PodCpu => {
        if (opsUrl === undefined) return { state: 'initializing', utilization: 0 }
        if (!before || !last) return { state: 'missing', utilization: 0 }
        const cores = (last.cpuSeconds - before.cpuSeconds) / (last.at - before.at)
        return { state: 'measured', utilization: utilization(cores) }
      }),
    settle,
    [Symbol.asyncDispose]: async () => {
      for (const pod of pods.splice(0)) stop(pod)
      await settle()
    },
  }
}

const readCpuSeconds = async (opsUrl: string) => {
  const samples = await scrape(opsUrl, scrapeTimeoutMs)
  return samples.find(({ name }) => name === 'process_cpu_seconds_total')?.value
}

/** What a worker says that it settled, at the level debug. */
const linesOf = (line: string): number => {
  if (!line.includes('"msg":"chunk ')) return 0
  const { applied = 0, rejected = 0 } = JSON.parse(line)
  return applied + rejected
}

import type { Sample, Scrape } from './exposition.ts'
import type { Fleet } from './fleet.ts'
import { replicasForCpu } from './hpa-replicas.ts'
import { measureTrigger, replicasForTriggers } from './keda.ts'
import type { CpuHpa, KedaScaler } from './manifests.ts'

/** What the machine of the run stands for. */
export type Scale = {
  /** Seconds of the cluster in a second here: intervals, windows and ages. */
  speed: number
  /** Lines of the cluster for a line here. */
  linesPerLine: number
  /** Cores of the cluster for a core here. */
  coresPerCore: number
}

/** @returns replicas that the metrics ask for, and the metrics in words */
export const ask = (
  autoscaler: CpuHpa | KedaScaler,
  fleet: Pick<Fleet, 'size' | 'ready' | 'cpu'>,
  scrapes: readonly Scrape[],
  { coresPerCore }: Scale,
): { asked: number; because: string } => {
  if (autoscaler.kind === 'keda') {
    const values = autoscaler.triggers.map((trigger) => measureTrigger(trigger, scrapes))
    const asked = replicasForTriggers(
      autoscaler.triggers,
      { current: fleet.size, ready: fleet.ready },
      values,
    )
    return { asked, because: values.map((it) => it?.toFixed(0) ?? 'unknown').join(', ') }
  }
  const { request, limit = Number.POSITIVE_INFINITY } = autoscaler.cores
  const pods = fleet.cpu((cores) => (100 * Math.min(limit, cores * coresPerCore)) / request)
  const shown = pods.map(({ state, utilization }) =>
    state === 'measured' ? `${utilization.toFixed(0)}%` : state,
  )
  return {
    asked: replicasForCpu(fleet.size, pods, autoscaler.targetUtilization),
    because: shown.join(', '),
  }
}

/** The gauges as the cluster that the machine stands for would export them. */
export const scaleUp = (samples: readonly Sample[], { speed, linesPerLine }: Scale): Sample[] =>
  samples.map((sample) => {
    if (!sample.name.startsWith('inventoryrpa_')) return sample
    const factor = sample.name.endsWith('_lines')
      ? linesPerLine
      : sample.name.endsWith('_seconds')
        ? speed
        : 1
    return { ...sample, value: sample.value * factor }
  })

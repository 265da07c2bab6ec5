/**
 * What the HorizontalPodAutoscaler of Kubernetes takes its metrics to ask for, before its behaviour
 * smooths that: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
 */

/** The cluster's default for --horizontal-pod-autoscaler-tolerance. */
const tolerance = 0.1

const isWithinTolerance = (ratio: number) => ratio >= 1 - tolerance && ratio <= 1 + tolerance

export type PodCpu = {
  /**
   * `initializing`: not ready, or its CPU was not measured over a whole window since it is.
   * `missing`: ready, and there is no measurement of it.
   */
  state: 'measured' | 'initializing' | 'missing'
  /** Share of what it requests, in percent; of no meaning unless measured. */
  utilization: number
}

/**
 * For a Resource metric of type Utilization. All pods request the same.
 * @param target percent of the request
 */
export const replicasForCpu = (
  current: number,
  pods: readonly PodCpu[],
  target: number,
): number => {
  const measured = pods.filter(({ state }) => state === 'measured')
  if (measured.length === 0) return current
  const ratio = mean(measured.map(({ utilization }) => utilization)) / target
  const missing = pods.filter(({ state }) => state === 'missing').length
  const initializing = pods.filter(({ state }) => state === 'initializing').length
  const assumed = ratio > 1 ? initializing : 0
  if (assumed === 0 && missing === 0) {
    return isWithinTolerance(ratio) ? current : Math.ceil(ratio * measured.length)
  }
  // Pods of which nothing is known are taken for idle on the way up, and for as busy as they may be on the way down.
  const assumptions = [
    ...Array<number>(assumed).fill(0),
    ...Array<number>(missing).fill(ratio < 1 ? Math.max(100, target) : 0),
  ]
  const all = [...measured.map(({ utilization }) => utilization), ...assumptions]
  const damped = mean(all) / target
  const turnsRound = (ratio < 1 && damped > 1) || (ratio > 1 && damped < 1)
  if (isWithinTolerance(damped) || turnsRound) return current
  const replicas = Math.ceil(damped * all.length)
  return damped < 1 === replicas < current ? replicas : current
}

/** For an External metric of type AverageValue, which is what KEDA makes of a trigger. */
export const replicasForAverageValue = (current: number, value: number, target: number): number =>
  current > 0 && isWithinTolerance(value / (target * current)) ? current : Math.ceil(value / target)

/** For an External metric of type Value: how the whole compares with the target, by as many as are ready. */
export const replicasForValue = (
  current: number,
  ready: number,
  value: number,
  target: number,
): number => {
  const ratio = value / target
  return isWithinTolerance(ratio) ? current : Math.ceil(ratio * ready)
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

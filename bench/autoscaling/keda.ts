import type { Scrape } from './exposition.ts'
import { replicasForAverageValue, replicasForValue } from './hpa-replicas.ts'
import { evaluate } from './promql.ts'

/** A Prometheus trigger of a ScaledObject: https://keda.sh/docs/latest/scalers/prometheus/ */
export type PrometheusTrigger = {
  query: string
  threshold: number
  activationThreshold: number
  /** Otherwise a query without an answer is an error. */
  ignoreNullValues: boolean
  metricType: 'AverageValue' | 'Value'
}

/** What a trigger measures; undefined when it cannot. */
export const measureTrigger = (
  { query, ignoreNullValues }: PrometheusTrigger,
  scrapes: readonly Scrape[],
): number | undefined => {
  const elements = evaluate(query, scrapes)
  if (elements.length > 1) throw new Error(`${query}: KEDA takes one value, not ${elements.length}`)
  return elements[0]?.value ?? (ignoreNullValues ? 0 : undefined)
}

/**
 * What the HPA that KEDA makes of a ScaledObject takes its triggers to ask for: the most of them. One that
 * cannot be measured keeps it from asking for fewer than there are.
 */
export const replicasForTriggers = (
  triggers: readonly PrometheusTrigger[],
  { current, ready }: { current: number; ready: number },
  values: readonly (number | undefined)[],
): number => {
  const asked = triggers.flatMap(({ metricType, threshold }, index) => {
    const value = values[index]
    if (value === undefined) return []
    return metricType === 'Value'
      ? replicasForValue(current, ready, value, threshold)
      : replicasForAverageValue(current, value, threshold)
  })
  const most = Math.max(0, ...asked)
  return asked.length < triggers.length ? Math.max(current, most) : most
}

/** Whether anything is to be done: from zero KEDA itself starts the first replica, and it ends the last one. */
export const isActive = (
  triggers: readonly PrometheusTrigger[],
  values: readonly (number | undefined)[],
): boolean =>
  triggers.some(({ activationThreshold }, index) => (values[index] ?? 0) > activationThreshold)

/**
 * How the HorizontalPodAutoscaler (autoscaling/v2) gets from what its metrics ask for to what it sets:
 * first the stabilisation windows, then the policies:
 * https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior
 */

export type ScalingPolicy = { type: 'Pods' | 'Percent'; value: number; periodSeconds: number }
export type ScalingRules = {
  stabilizationWindowSeconds: number
  selectPolicy: 'Max' | 'Min' | 'Disabled'
  policies: readonly ScalingPolicy[]
}
export type Behavior = { scaleUp: ScalingRules; scaleDown: ScalingRules }
export type Bounds = { minReplicas: number; maxReplicas: number }

/** What Kubernetes sets where a manifest says nothing. */
export const defaultBehavior: Behavior = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Percent', value: 100, periodSeconds: 15 },
      { type: 'Pods', value: 4, periodSeconds: 15 },
    ],
  },
  scaleDown: {
    stabilizationWindowSeconds: 300,
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
  },
}

type At = { at: number }
/** What was asked for and what was set, with when, in seconds. */
export type History = {
  recommendations: readonly (At & { replicas: number })[]
  /** Positive: replicas added. */
  changes: readonly (At & { change: number })[]
}
export const noHistory: History = { recommendations: [], changes: [] }

/** The API server refuses longer windows and periods. */
const longestSeconds = 3_600

/**
 * One look of the controller.
 * @param asked what the metrics ask for
 * @param at seconds, later with each look
 */
export const scale = (
  { bounds, behavior }: { bounds: Bounds; behavior: Behavior },
  { at, current, asked }: { at: number; current: number; asked: number },
  history: History,
): { replicas: number; history: History } => {
  const askedWithin = ({ stabilizationWindowSeconds }: ScalingRules) =>
    recent(history.recommendations, at, stabilizationWindowSeconds).map((it) => it.replicas)
  const before = (seconds: number) =>
    recent(history.changes, at, seconds).reduce((count, { change }) => count - change, current)

  const stabilized = stabilize(current, {
    up: [asked, ...askedWithin(behavior.scaleUp)],
    down: [asked, ...askedWithin(behavior.scaleDown)],
  })
  const limited = () => {
    if (stabilized > current) {
      return Math.min(stabilized, Math.max(current, highest(behavior.scaleUp, current, before)))
    }
    return Math.max(stabilized, Math.min(current, lowest(behavior.scaleDown, current, before)))
  }
  const replicas = clamp(stabilized === current ? current : limited(), bounds)
  const changed = replicas === current ? [] : [{ at, change: replicas - current }]
  return {
    replicas,
    history: {
      recommendations: [
        ...recent(history.recommendations, at, longestSeconds),
        { at, replicas: asked },
      ],
      changes: [...recent(history.changes, at, longestSeconds), ...changed],
    },
  }
}

const recent = <T extends At>(all: readonly T[], now: number, seconds: number) =>
  all.filter(({ at }) => at > now - seconds)

/** Up to the least, down to the most that was asked for within its window. */
const stabilize = (current: number, { up, down }: Record<'up' | 'down', readonly number[]>) => {
  const raised = Math.max(current, Math.min(...up))
  return Math.min(raised, Math.max(...down))
}

const clamp = (replicas: number, { minReplicas, maxReplicas }: Bounds) =>
  Math.min(maxReplicas, Math.max(minReplicas, replicas))

/** Replicas as many seconds ago, as far as they were changed by this controller. */
type Before = (seconds: number) => number

/** Rounded up, or a few replicas would never become more. */
const highest = ({ selectPolicy, policies }: ScalingRules, current: number, before: Before) => {
  if (selectPolicy === 'Disabled') return current
  const limits = policies.map(({ type, value, periodSeconds }) =>
    type === 'Pods'
      ? before(periodSeconds) + value
      : Math.ceil(before(periodSeconds) * (1 + value / 100)),
  )
  return selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits)
}

const lowest = ({ selectPolicy, policies }: ScalingRules, current: number, before: Before) => {
  if (selectPolicy === 'Disabled') return current
  const limits = policies.map(({ type, value, periodSeconds }) =>
    type === 'Pods'
      ? before(periodSeconds) - value
      : Math.trunc(before(periodSeconds) * (1 - value / 100)),
  )
  return selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits)
}

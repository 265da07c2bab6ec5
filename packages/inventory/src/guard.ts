import type { PlanTotals } from './plan-totals.ts'
import type { Thousandths } from './quantity.ts'

/** The most that a batch may do without approval. */
export type Limits = {
  readonly maxUnits?: Thousandths | undefined
  readonly maxValue?: Thousandths | undefined
  /** In percent of what a level was. */
  readonly maxLevelPercent?: number | undefined
  /** In percent of the levels touched. */
  readonly maxZeroedPercent?: number | undefined
}

export const guardFindings = ['units', 'value', 'level_percent', 'zeroed_percent'] as const
export type GuardFinding = (typeof guardFindings)[number]

/** The limits that a plan exceeds; none of them means that it needs no approval. */
export const exceeded = (limits: Limits, totals: PlanTotals): GuardFinding[] => {
  const { units, value, percent, levels, zeroed } = totals
  const zeroedPercent = levels === 0 ? 0 : (zeroed / levels) * 100
  const isExceeded: Record<GuardFinding, boolean> = {
    units: limits.maxUnits !== undefined && units > limits.maxUnits,
    value: limits.maxValue !== undefined && value > limits.maxValue,
    level_percent: limits.maxLevelPercent !== undefined && percent > limits.maxLevelPercent,
    zeroed_percent:
      limits.maxZeroedPercent !== undefined && zeroedPercent > limits.maxZeroedPercent,
  }
  return guardFindings.filter((finding) => isExceeded[finding])
}

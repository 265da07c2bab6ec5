import type { Applied, Level } from './apply.ts'
import { levelKey } from './line.ts'
import type { Thousandths } from './quantity.ts'

/** What a plan amounts to, for the guard. */
export type PlanTotals = {
  /** Moved up or down, each transfer once. */
  readonly units: Thousandths
  /** The same in value, as far as lines say what a unit is worth. */
  readonly value: Thousandths
  /** The largest change of a level that was not zero, in percent of what it was. */
  readonly percent: number
  /** Levels that the lines touch. */
  readonly levels: number
  /** Levels above zero that end at zero or below. */
  readonly zeroed: number
}

const magnitude = (value: Thousandths) => (value < 0n ? -value : value)

export const planTotals = (
  { movements, rejections, levels }: Pick<Applied, 'movements' | 'rejections' | 'levels'>,
  before: ReadonlyMap<string, Level>,
): PlanTotals => {
  let units = 0n
  let value = 0n
  for (const { line, leg, quantity } of movements) {
    if (leg === 1) continue
    units += magnitude(quantity)
    value += (magnitude(quantity) * (line.unitValue ?? 0n)) / 1000n
  }
  let percent = 0
  let zeroed = 0
  for (const [key, { onHand }] of levels) {
    const was = before.get(key)?.onHand ?? 0n
    if (was > 0n && onHand <= 0n) zeroed += 1
    if (was === 0n) continue
    const changed = Number((magnitude(onHand - was) * 10_000n) / magnitude(was)) / 100
    percent = Math.max(percent, changed)
  }
  const touched = new Set(levels.keys())
  for (const { line, levels: at } of rejections) {
    for (const { location } of at) touched.add(levelKey(line.sku, location))
  }
  return { units, value, percent, levels: touched.size, zeroed }
}

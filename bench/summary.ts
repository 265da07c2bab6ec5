import type { Figures, RoundResult } from './round.ts'
import { median } from './statistics.ts'

/** A figure of a run: each side's median, and ours by theirs for each pair of rounds. */
export type SummaryRow = {
  figure: keyof Figures
  ours: number
  naive: number
  ratio: { median: number; min: number; max: number }
}

export type Pair = { ours: RoundResult; naive: RoundResult }

/** For memory, what counts is the most that was ever held. */
const peaks = new Set<keyof Figures>(['apiPeakMb', 'workerPeakMb'])

/** Pairs with a void round are left out. @returns no rows when no pair is left */
export const summarize = (pairs: readonly Pair[]): SummaryRow[] => {
  const measured = pairs.flatMap(({ ours, naive }) =>
    ours.outcome === 'measured' && naive.outcome === 'measured'
      ? [{ ours: ours.figures, naive: naive.figures }]
      : [],
  )
  const [first] = measured
  if (!first) return []
  return (Object.keys(first.ours) as (keyof Figures)[]).map((figure) => {
    const middle = peaks.has(figure) ? (values: number[]) => Math.max(...values) : median
    const ratios = measured.map(({ ours, naive }) => ours[figure] / naive[figure])
    return {
      figure,
      ours: middle(measured.map(({ ours }) => ours[figure])),
      naive: middle(measured.map(({ naive }) => naive[figure])),
      ratio: { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
    }
  })
}

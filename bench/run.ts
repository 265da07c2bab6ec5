import type { OnlineRetailLine } from '@inventoryrpa/local'
import { type Context, readContext } from './context.ts'
import { naive } from './naive.ts'
import type { Options } from './options.ts'
import { ours } from './ours.ts'
import { createPlan } from './plan.ts'
import { type RoundResult, runRound } from './round.ts'
import type { Servers } from './servers.ts'
import { type Pair, type SummaryRow, summarize } from './summary.ts'
import { formatTable } from './table.ts'
import { judge, type Verdict } from './targets.ts'

export type RunDeps = {
  servers: Servers
  day: readonly OnlineRetailLine[]
  nodeVersion: string
  cores: number
  cpuSeconds: () => number
  print: (text: string) => void
}

export type RunResult = {
  options: Options
  context: Context
  pairs: Pair[]
  summary: SummaryRow[]
  verdicts: Verdict[]
}

/** Ours, then the naive one, then ours again: what the machine does meanwhile falls on both. */
export const run = async (options: Options, deps: RunDeps): Promise<RunResult> => {
  const { servers, day, print } = deps
  const context = await readContext(servers, deps)
  for (const [name, value] of Object.entries(context)) print(`${name}: ${value}`)
  const plans = { ours: createPlan('ours', day, options), naive: createPlan('naive', day, options) }

  const pairs: Pair[] = []
  for (let round = 1; round <= options.rounds; round += 1) {
    const measure = async (contestant: typeof ours) => {
      const result = await runRound(contestant, plans[contestant.name], deps)
      print(`round ${round} of ${options.rounds}: ${describe(result)}`)
      return result
    }
    pairs.push({ ours: await measure(ours), naive: await measure(naive) })
  }
  const summary = summarize(pairs)
  print(summary.length > 0 ? `\n${formatTable(summary)}` : '\nNo pair of rounds counts.')
  return { options, context, pairs, summary, verdicts: judge(summary) }
}

const describe = (result: RoundResult) => {
  if (result.outcome === 'void') return `${result.contestant} VOID: ${result.reason}`
  const { acceptLinesPerSecond, endToEndLinesPerSecond, appliedP50Ms } = result.figures
  return (
    `${result.contestant} accepts ${Math.round(acceptLinesPerSecond)} lines/s, ` +
    `end to end ${Math.round(endToEndLinesPerSecond)} lines/s, one line in ${appliedP50Ms.toFixed(1)} ms`
  )
}

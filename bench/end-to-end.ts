import { setTimeout as delay } from 'node:timers/promises'
import type { Running } from './contestant.ts'
import type { Database } from './database.ts'
import { findDifference } from './exactness.ts'
import { addUp, type Load } from './load.ts'
import { submitAll } from './submit.ts'
import { VoidRound } from './void-round.ts'

export type EndToEndPlan = {
  /** Sent and applied before the clock starts. */
  warmUp: Load
  load: Load
  connections: number
  /** Milliseconds until a line that is not applied counts as lost. */
  deadlineMs: number
}

const askEveryMs = 25

/**
 * From the first byte sent until every line is applied, while the workers run.
 * @returns lines a second @throws VoidRound when the ledger is not exactly what the lines add up to
 */
export const measureEndToEnd = async (
  running: Running,
  database: Database,
  { warmUp, load, connections, deadlineMs }: EndToEndPlan,
): Promise<number> => {
  await submitAll(running.target, warmUp.bodies, connections)
  await untilApplied(running, warmUp.lines, deadlineMs)

  const expected = addUp([warmUp, load])
  const started = performance.now()
  await submitAll(running.target, load.bodies, connections)
  await untilApplied(running, expected.lines, deadlineMs)
  const seconds = (performance.now() - started) / 1_000

  const difference = await findDifference(database.client, expected)
  if (difference) throw new VoidRound(difference)
  return load.lines / seconds
}

const untilApplied = async (running: Running, lines: number, deadlineMs: number) => {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    const applied = await running.countApplied()
    if (applied >= lines) return
    if (performance.now() > deadline) {
      throw new VoidRound(
        `${applied} of ${lines} lines were applied within ${deadlineMs / 1_000} s`,
      )
    }
    await delay(askEveryMs)
  }
}

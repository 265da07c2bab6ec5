import type { Batch } from '../types.ts'

export const exitCodes = {
  done: 0,
  failed: 1,
  linesNotApplied: 2,
  notDone: 3,
  unreachable: 4,
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export const exitCodesHelp = `
Exit codes:
  0    done; of a batch that was waited for: every line was applied
  1    refused, or not as the command can be used
  2    some lines were rejected, are held or are dead
  3    the batch was cancelled, or awaits approval
  4    the API cannot be reached
  130  interrupted`

/** Of a batch as it is now. */
export const exitCodeOf = ({ state, counts }: Batch): ExitCode => {
  if (state === 'cancelled' || state === 'awaiting_approval') return exitCodes.notDone
  const { rejected, held, dead, cancelled } = counts
  if (rejected + held + dead + cancelled > 0) return exitCodes.linesNotApplied
  return exitCodes.done
}

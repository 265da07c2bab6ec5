import tab from '@bomb.sh/tab/commander'
import { Command, InvalidArgumentError } from 'commander'
import { addBatchCommands } from './batch-commands.ts'
import type { Context } from './context.ts'
import { addDeadLetterCommands } from './dead-letter-commands.ts'
import { addEventCommands } from './event-commands.ts'
import { type ExitCode, exitCodesHelp } from './exit-codes.ts'
import { addKeyCommands } from './key-commands.ts'
import { addPlanCommands } from './plan-commands.ts'
import { createRun } from './run.ts'
import { addStockCommands } from './stock-commands.ts'

const retries = (given: string) => {
  if (/^\d{1,3}$/.test(given)) return Number(given)
  throw new InvalidArgumentError('Must be a whole number, 0 or more.')
}

/** The command line. Only the action that is asked for connects. */
export const buildProgram = (
  context: Context,
  { version, exit }: { version: string; exit: (code: ExitCode) => void },
): Command => {
  const program = new Command('inventoryrpa')
    .description('Sends stock changes in batches, and shows what became of them.')
    .version(version)
    .option('--url <url>', 'of the API (INVENTORYRPA_URL, or of a local system)')
    .option('--key <key>', 'API key (INVENTORYRPA_API_KEY, which other users cannot see)')
    .option('--retries <number>', 'of a request that has no answer (default: 8, a minute)', retries)
    .option('--json', 'print JSON: one object, or one a line')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `${exitCodesHelp}

Examples:
  inventoryrpa submit counts.csv --wait
  inventoryrpa stock --sku 85123A
  source <(inventoryrpa completion bash)`,
    )
  const run = createRun(context, exit)
  addBatchCommands(program, run)
  addPlanCommands(program, run)
  addStockCommands(program, run)
  addDeadLetterCommands(program, run)
  addKeyCommands(program, run)
  addEventCommands(program, run)
  tab(program, { completionCommandName: 'completion' })
  return program
}

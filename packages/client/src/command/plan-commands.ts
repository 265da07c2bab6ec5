import { type Command, Option } from 'commander'
import type { PlannedLine } from '../types.ts'
import type { Session } from './context.ts'
import { exitCodes } from './exit-codes.ts'
import { addFileOptions, type FileOptions } from './file-options.ts'
import { answer, follow } from './follow.ts'
import { printAll } from './output.ts'
import type { Run } from './run.ts'
import { sendFile } from './send-file.ts'
import { UsageError } from './usage-error.ts'

type OnConflict = 'rebase' | 'reject'
const onConflict = () =>
  new Option(
    '--on-conflict <what>',
    'of lines whose level moved since: rebase applies them to it as it is now, reject does not',
  ).choices(['rebase', 'reject'])

const printPlan = (session: Session, id: string, limit?: number) => {
  const row = ({ line, sku, location, outcome, code, movements }: PlannedLine) => {
    const change = movements.map(({ before, after }) => `${before} → ${after}`).join(', ')
    return { line, sku, location, change, outcome: code ?? outcome }
  }
  return printAll(session, session.client.plan(id), row, { limit })
}

export const addPlanCommands = (program: Command, run: Run) => {
  addFileOptions(program.command('preview'))
    .description('what a file would do: changes nothing, and prints the hash that apply takes')
    .argument('<file>', '.csv, .ndjson or .json, also .gz and .zst; - is standard input')
    .addHelpText(
      'after',
      '\nExample:\n  inventoryrpa preview counts.csv\n  inventoryrpa apply 0199… --plan-hash 9f86…',
    )
    .action(
      run<[string, FileOptions]>(async (session, path, options) => {
        const { id } = await sendFile(session, path, { ...options, mode: 'preview' })
        const code = await follow(session, id)
        if (!session.json) {
          const shown = 20
          await printPlan(session, id, shown)
          session.note(`the first ${shown} lines at most; all of them: inventoryrpa plan ${id}`)
        }
        return code
      }),
    )

  program
    .command('plan')
    .description('what would become of each line of a preview, before → after')
    .argument('<batch>')
    .action(
      run<[string]>(async (session, id) => {
        await printPlan(session, id)
        return exitCodes.done
      }),
    )

  program
    .command('apply')
    .description('apply a preview')
    .argument('<batch>')
    .option('--plan-hash <hash>', 'of the plan that was looked at')
    .option('--yes', 'whatever the plan is now')
    .addOption(onConflict())
    .option('--wait', 'until it is done')
    .addHelpText(
      'after',
      '\nExamples:\n  inventoryrpa apply 0199… --plan-hash 9f86… --wait\n  inventoryrpa apply 0199… --yes --on-conflict rebase',
    )
    .action(
      run<[string, { planHash?: string; yes?: true; onConflict?: OnConflict; wait?: true }]>(
        async (session, id, { planHash: given, yes, onConflict, wait }) => {
          if (given === undefined && !yes) {
            throw new UsageError('give --plan-hash as preview printed it, or --yes')
          }
          const planHash = given ?? (await session.client.batch(id)).planHash
          if (planHash === null)
            throw new UsageError(`batch ${id} has no plan that could be applied`)
          const how = { planHash, ...(onConflict && { onConflict }) }
          return answer(session, await session.client.apply(id, how), wait)
        },
      ),
    )

  program
    .command('approve')
    .description(
      'let a batch pass that awaits approval; with another key than the one that sent it',
    )
    .argument('<batch>')
    .addOption(onConflict())
    .option('--wait', 'until it is done')
    .action(
      run<[string, { onConflict?: OnConflict; wait?: true }]>(
        async (session, id, { wait, ...how }) =>
          answer(session, await session.client.approve(id, how), wait),
      ),
    )

  program
    .command('reject')
    .description('refuse a batch that awaits approval')
    .argument('<batch>')
    .action(
      run<[string]>(async (session, id) => answer(session, await session.client.reject(id), false)),
    )

  program
    .command('reverse')
    .description('take back what a batch moved, once, by a batch of its own')
    .argument('<batch>')
    .option('--preview', 'plan it only')
    .addOption(
      new Option('--later-movements <what>', 'of lines whose level moved since').choices([
        'flag',
        'refuse',
      ]),
    )
    .option('--reference <text>', 'your name for the reversal')
    .option('--wait', 'until it is done')
    .addHelpText('after', '\nExample:\n  inventoryrpa reverse 0199… --preview --wait')
    .action(
      run<
        [
          string,
          { preview?: true; laterMovements?: 'flag' | 'refuse'; reference?: string; wait?: true },
        ]
      >(async (session, id, { preview, wait, ...how }) => {
        const mode = preview ? 'preview' : 'apply'
        return answer(session, await session.client.reverse(id, { ...how, mode }), wait)
      }),
    )
}

import type { Command } from 'commander'
import type { RedriveRequest } from '../types.ts'
import { count } from './batch-commands.ts'
import { exitCodes } from './exit-codes.ts'
import { printAll, printOne } from './output.ts'
import type { Run } from './run.ts'
import { UsageError } from './usage-error.ts'

export const addDeadLetterCommands = (program: Command, run: Run) => {
  program
    .command('dead-letters')
    .description('lines that used up all their attempts, by what they have in common')
    .option('--lines', 'each of them')
    .option('--fingerprint <fingerprint>', 'only those of a group, each of them')
    .option('--batch <batch>', 'only those of a batch, each of them')
    .action(
      run<[{ lines?: true; fingerprint?: string; batch?: string }]>(
        async (session, { lines, fingerprint, batch }) => {
          const { client } = session
          if (lines || fingerprint !== undefined || batch !== undefined) {
            const filter = {
              ...(fingerprint !== undefined && { fingerprint }),
              ...(batch !== undefined && { batchId: batch }),
            }
            await printAll(session, client.deadLetters(filter), (letter) => {
              const { id, line, sku, location, deadAt, message } = letter
              return { id, line, sku, location, deadAt, message }
            })
          } else {
            await printAll(session, client.deadLetterGroups(), (group) => {
              const { fingerprint, lines, lastDeadAt, message } = group
              return { fingerprint, lines, lastDeadAt, message }
            })
          }
          return exitCodes.done
        },
      ),
    )

  program
    .command('redrive')
    .description('run dead letters again')
    .option('--fingerprint <fingerprint>', 'those of a group')
    .option('--batch <batch>', 'those of a batch')
    .option('--id <id>', 'this one')
    .option('--all', 'all there are')
    .option('--limit <number>', 'at most so many', count)
    .option('--canary <number>', 'so many first; the others only if these are applied', count)
    .option('--rate <lines>', 'lines a second', count)
    .addHelpText(
      'after',
      '\nExample:\n  inventoryrpa redrive --fingerprint 23514:Leeds:ledger --canary 1',
    )
    .action(
      run<[RedriveOptions]>(async (session, { batch, rate, all, ...options }) => {
        const which = { ...options, ...(batch && { batchId: batch }) }
        if (!all && !options.fingerprint && !options.id && !batch) {
          throw new UsageError('say which: --fingerprint, --batch, --id or --all')
        }
        const asked = { ...which, ...(rate && { ratePerSecond: rate }) } as Partial<RedriveRequest>
        const redrive = await session.client.redrive(asked)
        printOne(session, redrive, [
          `redrive   ${redrive.id}`,
          `state     ${redrive.state}`,
          `redriven  ${redrive.redriven}`,
        ])
        return exitCodes.done
      }),
    )
}

type RedriveOptions = {
  fingerprint?: string
  batch?: string
  id?: string
  all?: true
  limit?: number
  canary?: number
  rate?: number
}

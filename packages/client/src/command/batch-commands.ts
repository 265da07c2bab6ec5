import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { BatchState, Outcome } from '../types.ts'
import { exitCodes } from './exit-codes.ts'
import { addFileOptions, type FileOptions } from './file-options.ts'
import { answer, follow } from './follow.ts'
import { printAll, printBatch } from './output.ts'
import type { Run } from './run.ts'
import { sendFile } from './send-file.ts'

const outcomes = ['applied', 'rejected', 'held', 'dead', 'cancelled']
const states = [
  ...['accepted', 'processing', 'previewed'],
  ...['awaiting_approval', 'completed', 'cancelled'],
]

export const count = (given: string) => {
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given)
  throw new InvalidArgumentError('Must be a whole number, 1 or more.')
}

export const addBatchCommands = (program: Command, run: Run) => {
  addFileOptions(program.command('submit'))
    .description('send a file as a batch; - is standard input')
    .argument('<file>', '.csv, .ndjson or .json, also .gz and .zst')
    .option('--wait', 'until it is done, with progress; else it is accepted and goes on by itself')
    .option('--preview', 'change nothing; as the command preview')
    .addHelpText(
      'after',
      `
The same command again makes no second batch, for at least a day: its key is made of what the
file holds and of the options.

Examples:
  inventoryrpa submit counts.csv --wait
  inventoryrpa submit 2010-12-01.csv --wait --negate --negative-stock allow --set reason=sale \\
    --map sku=StockCode,location=Country,quantity=Quantity,observedAt=InvoiceDate,reference=InvoiceNo
  inventoryrpa submit lager.csv.gz --delimiter ';' --decimal comma --encoding windows-1252
  export-stock | inventoryrpa submit - --format ndjson --wait --json`,
    )
    .action(
      run<[string, FileOptions & { wait?: true; preview?: true }]>(
        async (session, path, { wait, preview, ...options }) => {
          const mode = preview ? 'preview' : 'apply'
          const batch = await sendFile(session, path, { ...options, mode })
          if (!wait && !session.json) {
            session.note(`accepted; to follow it: inventoryrpa status ${batch.id} --wait`)
          }
          return answer(session, batch, wait)
        },
      ),
    )

  program
    .command('status')
    .description('what has become of a batch so far')
    .argument('<batch>')
    .option('--wait', 'until it is done')
    .addHelpText('after', '\nExample:\n  inventoryrpa status 0199… --wait && echo all applied')
    .action(
      run<[string, { wait?: true }]>(async (session, id, { wait }) =>
        wait ? follow(session, id) : answer(session, await session.client.batch(id), false),
      ),
    )

  program
    .command('batches')
    .description('batches, newest first')
    .addOption(new Option('--state <state>').choices(states))
    .option('--reference <text>')
    .option('--limit <number>', 'at most so many', count, 20)
    .action(
      run<[{ state?: BatchState; reference?: string; limit: number }]>(
        async (session, { limit, ...filter }) => {
          const row = ({ id, state, counts, reference, createdAt }: BatchRow) => {
            const { total, applied, pending } = counts
            return { batch: id, state, lines: total, applied, pending, createdAt, reference }
          }
          await printAll(session, session.client.batches(filter), row, { limit })
          return exitCodes.done
        },
      ),
    )

  program
    .command('report')
    .description('what became of each line, as CSV; rejected lines can be corrected and sent again')
    .argument('<batch>')
    .addOption(new Option('--outcome <outcome>', 'only these lines').choices(outcomes))
    .option('-o, --output <file>', 'else standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  inventoryrpa report 0199… --outcome rejected -o fix.csv\n  inventoryrpa submit fix.csv --wait',
    )
    .action(
      run<[string, { outcome?: Outcome; output?: string }]>(
        async (session, id, { outcome, output }) => {
          const { client, stdout, signal, json } = session
          if (json) {
            const lines = client.lines(id, outcome ? { outcome } : {})
            await printAll(
              { ...session, stdout: output ? createWriteStream(output) : stdout },
              lines,
              (line) => line,
            )
            return exitCodes.done
          }
          const report = await client.report(id, { signal, ...(outcome && { outcome }) })
          const readable = Readable.fromWeb(report as Parameters<typeof Readable.fromWeb>[0])
          await (output
            ? pipeline(readable, createWriteStream(output))
            : pipeline(readable, stdout, { end: false }))
          return exitCodes.done
        },
      ),
    )

  program
    .command('cancel')
    .description('apply no further line of a batch; what was applied stays applied')
    .argument('<batch>')
    .action(
      run<[string]>(async (session, id) => {
        printBatch(session, await session.client.cancel(id))
        return exitCodes.done
      }),
    )
}

type BatchRow = Parameters<typeof printBatch>[1]

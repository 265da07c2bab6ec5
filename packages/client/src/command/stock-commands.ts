import type { Command } from 'commander'
import { count } from './batch-commands.ts'
import { exitCodes } from './exit-codes.ts'
import { printAll } from './output.ts'
import type { Run } from './run.ts'

export const addStockCommands = (program: Command, run: Run) => {
  program
    .command('stock')
    .description('stock levels, by SKU and location')
    .option('--sku <sku>')
    .option('--location <location>')
    .option('--limit <number>', 'at most so many', count)
    .addHelpText(
      'after',
      '\nExamples:\n  inventoryrpa stock --sku 85123A\n  inventoryrpa stock --json > levels.ndjson',
    )
    .action(
      run<[{ sku?: string; location?: string; limit?: number }]>(
        async (session, { limit, ...filter }) => {
          const levels = session.client.stock(filter)
          await printAll(
            session,
            levels,
            ({ sku, location, onHand }) => ({ sku, location, onHand }),
            { limit },
          )
          return exitCodes.done
        },
      ),
    )

  program
    .command('movements')
    .description('what moved the stock of a SKU, latest first')
    .argument('<sku>')
    .option('--location <location>')
    .option('--limit <number>', 'at most so many', count, 100)
    .action(
      run<[string, { location?: string; limit: number }]>(
        async (session, sku, { limit, ...filter }) => {
          const movements = session.client.movements(sku, filter)
          await printAll(
            session,
            movements,
            ({ occurredAt, location, quantity, onHandAfter, reason, batchId, line }) => ({
              ...{ occurredAt, location, quantity, onHandAfter, reason },
              ...{ batch: batchId, line },
            }),
            { limit },
          )
          return exitCodes.done
        },
      ),
    )
}

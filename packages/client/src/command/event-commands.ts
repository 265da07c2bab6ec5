import type { Command } from 'commander'
import { exitCodes } from './exit-codes.ts'
import type { Run } from './run.ts'

export const addEventCommands = (program: Command, run: Run) => {
  program
    .command('events')
    .description('what happens, as it happens: to a batch until it is done, or to all until Ctrl-C')
    .argument('[batch]')
    .option('--after <id>', 'begin after this event')
    .addHelpText(
      'after',
      '\nExample:\n  inventoryrpa events --after 41 --json | while read -r event; do …; done',
    )
    .action(
      run<[string | undefined, { after?: string }]>(async (session, id, { after }) => {
        const { client, stdout, json, signal } = session
        const how = { signal, ...(after !== undefined && { lastEventId: after }) }
        let last = after
        session.onInterrupt('')
        const events = id === undefined ? client.events(how) : client.batchEvents(id, how)
        for await (const event of events) {
          if ('id' in event) last = event.id
          session.onInterrupt(last === undefined ? '' : `to go on from here: --after ${last}`)
          const { type, timestamp, data } = event
          const { total, pending } = data.counts
          const told = `${timestamp}  ${type.padEnd(23)}  ${data.id}  ${total - pending}/${total}`
          stdout.write(`${json ? JSON.stringify(event) : told}\n`)
        }
        signal.throwIfAborted()
        return exitCodes.done
      }),
    )
}

import { type Command, InvalidArgumentError, Option } from 'commander'
import type { IssuedApiKey, Scope } from '../types.ts'
import type { Session } from './context.ts'
import { exitCodes } from './exit-codes.ts'
import { printAll, printOne } from './output.ts'
import type { Run } from './run.ts'

const scopes: Scope[] = [
  ...(['batches:write', 'batches:read', 'stock:read'] as const),
  ...(['batches:approve', 'dead-letters:redrive', 'admin'] as const),
]

const seconds = (given: string) => {
  if (/^\d{1,7}$/.test(given)) return Number(given)
  throw new InvalidArgumentError('Must be a whole number of seconds.')
}

const printIssued = (session: Session, issued: IssuedApiKey) => {
  printOne(session, issued, [
    `id      ${issued.id}`,
    `name    ${issued.name}`,
    `scopes  ${issued.scopes.join(' ')}`,
    `key     ${issued.key}`,
  ])
  if (!session.json) session.note('the key is shown only now')
  return exitCodes.done
}

export const addKeyCommands = (program: Command, run: Run) => {
  const keys = program.command('keys').description('API keys; takes a key with the scope admin')

  keys
    .command('list')
    .description('newest first, with those that are revoked')
    .action(
      run<[object]>(async (session) => {
        await printAll(
          session,
          session.client.keys(),
          ({ id, name, scopes, lastUsedAt, revokedAt }) => ({
            ...{ id, name, scopes: scopes.join(' ') },
            ...{ lastUsedAt, revokedAt },
          }),
        )
        return exitCodes.done
      }),
    )
  keys
    .command('create')
    .description('make a key; it is shown once')
    .argument('<name>', 'what it is for')
    .addOption(
      new Option('--scope <scopes...>', 'what it may do').choices(scopes).makeOptionMandatory(),
    )
    .addHelpText(
      'after',
      '\nExample:\n  inventoryrpa keys create scanner --scope batches:write batches:read',
    )
    .action(
      run<[string, { scope: Scope[] }]>(async (session, name, { scope }) =>
        printIssued(session, await session.client.createKey({ name, scopes: scope })),
      ),
    )
  keys
    .command('rotate')
    .description('give a key a new secret; it is shown once')
    .argument('<id>')
    .option('--grace <seconds>', 'for how long the former secret works on', seconds, 86_400)
    .action(
      run<[string, { grace: number }]>(async (session, id, { grace }) =>
        printIssued(session, await session.client.rotateKey(id, { graceSeconds: grace })),
      ),
    )
  keys
    .command('revoke')
    .description('end a key')
    .argument('<id>')
    .action(
      run<[string]>(async (session, id) => {
        await session.client.revokeKey(id)
        printOne(session, { id, revoked: true }, [`${id} is revoked`])
        return exitCodes.done
      }),
    )
}

import type { Command } from 'commander'
import { createClient } from '../client.ts'
import { InventoryRpaError, UnreachableError } from '../errors.ts'
import type { RetryNotice } from '../transport.ts'
import type { Action, Context, Session, SharedOptions } from './context.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { readSettings } from './settings.ts'
import { UsageError } from './usage-error.ts'

export type Run = <Args extends unknown[]>(
  action: Action<Args>,
) => (...given: [...Args, Command]) => Promise<void>

/** Gives commands a client, and turns what becomes of them into an exit code. */
export const createRun =
  (context: Context, exit: (code: ExitCode) => void): Run =>
  <Args extends unknown[]>(action: Action<Args>) =>
  async (...given: [...Args, Command]) => {
    const command = given.at(-1) as Command
    const args = given.slice(0, -1) as Args
    const shared = command.optsWithGlobals<SharedOptions>()
    const note = (line: string) => void context.stderr.write(`${line}\n`)
    let hint: string | undefined
    let from = ''
    try {
      const settings = await readSettings(shared, context)
      from = settings.from
      let retries = 0
      const onRetry = ({ error }: RetryNotice) => {
        retries += 1
        note(`${error.detail}; trying again`)
      }
      const session: Session = {
        ...context,
        client: createClient({ ...settings, onRetry, retry: { retries: shared.retries ?? 8 } }),
        json: shared.json ?? false,
        retried: () => retries > 0,
        note,
        onInterrupt: (told) => {
          hint = told
        },
      }
      exit(await action(session, ...args))
    } catch (error) {
      if (context.signal.aborted) {
        if (hint) note(hint)
        return exit(exitCodes.interrupted)
      }
      tell(error, { json: shared.json ?? false, from, note })
      exit(error instanceof UnreachableError ? exitCodes.unreachable : exitCodes.failed)
    }
  }

const tell = (
  error: unknown,
  { json, from, note }: { json: boolean; from: string; note: (line: string) => void },
) => {
  const isKnown = error instanceof InventoryRpaError || error instanceof UsageError
  if (!isKnown) throw error
  if (json) {
    const { code, message } = error
    return note(JSON.stringify({ ...error, name: undefined, code, message }))
  }
  const { message } = error
  note(`error: ${message}`)
  if (!(error instanceof InventoryRpaError)) return
  for (const { path, message } of error.errors) note(`  ${path}: ${message}`)
  if (error.code === 'unreachable') note(`  the address came from ${from}`)
  if (error.code === 'unauthorized') note(`  the key goes with the address from ${from}`)
  if (error.requestId) note(`  request ${error.requestId}`)
}

import type { InventoryRpaClient } from '../client.ts'
import type { ExitCode } from './exit-codes.ts'

export type Stream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number }

/** What a command is given by the process. */
export type Context = {
  stdin: NodeJS.ReadableStream
  /** For what was asked for. */
  stdout: Stream
  /** For progress, remarks and errors. */
  stderr: Stream
  env: Record<string, string | undefined>
  cwd: string
  /** Aborts with Ctrl-C. */
  signal: AbortSignal
}

/** What every command may be given. */
export type SharedOptions = { url?: string; key?: string; json?: true; retries?: number }

/** What a command works with. */
export type Session = Context & {
  client: InventoryRpaClient
  json: boolean
  /** Whether any request had to be sent more than once. */
  retried(): boolean
  note(line: string): void
  /** How to go on when it is interrupted from here on. */
  onInterrupt(hint: string): void
}

export type Action<Args extends unknown[]> = (session: Session, ...args: Args) => Promise<ExitCode>

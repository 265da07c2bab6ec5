import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ChunkRef, ChunkResult, Readings } from '@inventoryrpa/ledger'

/** The process that applied a chunk ended by it. */
export class ProcessDiedError extends Error {
  readonly code = 'PROCESS_DIED'
  override readonly name = 'ProcessDiedError'
}

/** This machine could start no further process: no chunk's fault. */
export class ProcessNotStartedError extends Error {
  readonly code = 'PROCESS_NOT_STARTED'
  readonly outage = true
  override readonly name = 'ProcessNotStartedError'
}

/** An error that crossed from one process to another: what it says of itself came with it. */
export class IsolatedApplyError extends Error {
  readonly code: string
  readonly outage: boolean
  readonly retryable: boolean
  constructor({ message, code, outage, retryable, stack }: SentError) {
    super(message)
    this.name = 'IsolatedApplyError'
    this.code = code
    this.outage = outage
    this.retryable = retryable
    if (stack !== undefined) this.stack = stack
  }
}

export type SentError = {
  message: string
  code: string
  outage: boolean
  retryable: boolean
  stack?: string | undefined
}
export type Question = { ref: ChunkRef; readings: Readings | undefined }
export type Answer = { result: ChunkResult } | { error: SentError }

const main = fileURLToPath(new URL('../isolated-main.ts', import.meta.url))

/** A chunk takes milliseconds, and this process a second to start. Below what the watchdog waits. */
const longestMs = 30_000

/**
 * Applies a chunk in a process of its own, with this one's environment and flags, so that a line that
 * ends the process does not end the worker.
 * @throws ProcessDiedError when the process ended without an answer, or was ended for taking too long,
 * ProcessNotStartedError
 */
export const applyIsolated = async (ref: ChunkRef, readings?: Readings): Promise<ChunkResult> => {
  const child = fork(main, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Readings are maps of bigints.
    serialization: 'advanced',
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), longestMs)
  let answer: Answer | undefined
  child.once('message', (message) => {
    answer = message as Answer
  })
  child.send({ ref, readings } satisfies Question, () => {})
  try {
    const closed = once(child, 'close').catch((cause: unknown) => {
      throw new ProcessNotStartedError('no process could be started for the chunk', { cause })
    })
    const [code, signal] = (await closed) as [number | null, string | null]
    if (!answer) {
      const how = signal ? `by ${signal}` : `with code ${code}`
      throw new ProcessDiedError(`the process that applied the chunk ended ${how}`)
    }
    if ('error' in answer) throw new IsolatedApplyError(answer.error)
    return answer.result
  } finally {
    clearTimeout(timer)
  }
}

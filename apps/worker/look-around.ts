import { isMigrated, openLedger } from '@inventoryrpa/ledger'
import {
  type BackendOptions,
  createBackend,
  measureDueJobs,
  type QueueName,
  untilUsable,
} from '@inventoryrpa/queue'
import type { Look } from './watchdog.ts'

const answerWithinMs = 2_000

/**
 * Looks whether jobs are due that could be done, over connections of its own, made for each look: the
 * worker's may be what is dead. Whatever does not answer is away, and a restart would not bring it back.
 */
export const lookAround =
  (options: Omit<BackendOptions, 'onError' | 'tracing'>, queueName: QueueName): Look =>
  async () => {
    const stack = new AsyncDisposableStack()
    try {
      const backend = stack.adopt(createBackend(options), (it) => it.close())
      if (!(await untilUsable(backend, { timeoutMs: answerWithinMs, everyMs: 50 }))) return fine
      const queue = stack.adopt(backend.openQueue(queueName), (it) => it.close())
      const ledger = stack.adopt(
        openLedger({
          databaseUrl: options.databaseUrl,
          applicationName: 'inventoryrpa-watchdog',
          maxConnections: 1,
          statementTimeoutMs: answerWithinMs,
        }),
        (it) => it.close(),
      )
      const { due } = await withinTime(measureDueJobs(queue))
      if (due === 0 || !(await withinTime(isMigrated(ledger.db)))) return fine
      return { wedged: true, dueJobs: due }
    } catch {
      return fine
    } finally {
      // What hangs while closing must not hold up the next look.
      stack.disposeAsync().catch(() => {})
    }
  }

const fine = { wedged: false } as const

const withinTime = async <T>(answer: Promise<T>): Promise<T> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), answerWithinMs)
  answer.catch(() => {})
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

import { type Job, UnrecoverableError } from 'bullmq'
import type { z } from 'zod'
import type { QueueBackend } from './backend.ts'
import type { QueueName } from './names.ts'
import { backoffStrategy, type RetryPolicy } from './retry-policy.ts'

/** What a processor is told about the job it runs. */
export type JobRun<Payload> = {
  id: string
  payload: Payload
  /** From 1. */
  attempt: number
  /** False when it ran before and failed, or its worker ended or froze in the middle. */
  firstDelivery: boolean
}

export type JobHandler<Payload = unknown> = {
  payload: z.ZodType<Payload>
  run(job: JobRun<Payload>): Promise<void>
  /** The job will not be tried again by itself. Runs before the queue learns of it. */
  onExhausted(job: JobRun<Payload>, error: Error): Promise<void>
}

export type ConsumerOptions = {
  queue: QueueName
  /** By job name. */
  handlers: Readonly<Record<string, JobHandler>>
  policy: RetryPolicy
  concurrency: number
  /** Told after each attempt, however it ended. */
  onAttempt?: (attempt: {
    name: string
    seconds: number
    outcome: 'completed' | 'retrying' | 'failed'
  }) => void
}

export type Consumer = {
  /**
   * Takes no further jobs and finishes those in hand, for at most `graceMs`; what is left then stalls
   * and is delivered again. @returns whether all were finished
   */
  close(graceMs: number): Promise<boolean>
}

/** A stall is a crashed or frozen worker, not a failed attempt: a healthy job must survive many of them. */
const maxStalledCount = 1_000
const lockDurationMs = 10_000
const stalledIntervalMs = 5_000

/** An error that says `retryable: false` is not tried again, nor is a payload that its handler cannot read. */
const isRetryable = (error: unknown) =>
  !(error instanceof Error && 'retryable' in error && error.retryable === false)

class InvalidJobError extends Error {
  readonly code = 'INVALID_JOB'
  readonly retryable = false
  override readonly name = 'InvalidJobError'
}

export const startConsumer = (
  backend: QueueBackend,
  { queue, handlers, policy, concurrency, onAttempt = () => {} }: ConsumerOptions,
): Consumer => {
  const process = async (job: Job) => {
    const started = performance.now()
    const end = (outcome: 'completed' | 'retrying' | 'failed') =>
      onAttempt({ name: job.name, seconds: (performance.now() - started) / 1_000, outcome })
    const attempt = job.attemptsMade + 1
    const id = job.id ?? ''
    const firstDelivery = job.attemptsStarted <= 1
    const handler = handlers[job.name]
    try {
      if (!handler) throw new InvalidJobError(`no handler for jobs named ${job.name}`)
      await handler.run({ id, payload: readPayload(handler, job), attempt, firstDelivery })
    } catch (error) {
      const exhausted = attempt >= (job.opts.attempts ?? 1) || !isRetryable(error)
      if (!exhausted) {
        end('retrying')
        throw error
      }
      end('failed')
      const parsed = handler?.payload.safeParse(job.data)
      if (handler && parsed?.success) {
        await handler.onExhausted(
          { id, payload: parsed.data, attempt, firstDelivery },
          error as Error,
        )
      }
      throw isRetryable(error) ? error : unrecoverable(error as Error)
    }
    end('completed')
  }
  const worker = backend.openWorker(queue, process, {
    concurrency,
    maxStalledCount,
    stalledInterval: stalledIntervalMs,
    lockDuration: lockDurationMs,
    settings: { backoffStrategy: backoffStrategy(policy) },
  })

  return {
    close: async (graceMs) => {
      let timer: NodeJS.Timeout | undefined
      const graceOver = new Promise<false>((resolve) => {
        timer = setTimeout(resolve, graceMs, false)
      })
      const finished = await Promise.race([worker.close().then(() => true), graceOver])
      clearTimeout(timer)
      return finished
    },
  }
}

const readPayload = (handler: JobHandler, job: Job) => {
  const parsed = handler.payload.safeParse(job.data)
  if (parsed.success) return parsed.data
  throw new InvalidJobError(
    `job ${job.id} has a payload this worker cannot read: ${parsed.error.message}`,
  )
}

/** BullMQ knows it by its class; the stack and the cause stay those of the error it stands for. */
const unrecoverable = (error: Error) => {
  const wrapped = new UnrecoverableError(error.message)
  wrapped.cause = error
  if (error.stack) wrapped.stack = error.stack
  return wrapped
}

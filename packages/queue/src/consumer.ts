import { inspect } from 'node:util'
import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq'

import type { z } from 'zod'
import type { QueueBackend } from './backend.ts'
import type { QueueName } from './names.ts'
import {
  backoffStrategy,
  classify,
  type ErrorClass,
  outageDelayMs,
  type RetryPolicy,
} from './retry-policy.ts'

/** What a processor is told about the job it runs. */
export type JobRun<Payload> = {
  id: string
  payload: Payload
  /** From 1. */
  attempt: number
  /** How often its worker ended or froze while it had the job in hand. */
  stalls: number
  /** How often it was put back in this attempt. */
  returns: number
  /** Its turn in the queue; 0 for a job that has none. */
  tag: number
  /** It was added with a delay. */
  scheduled: boolean
}

/** Nothing was done: the job waits again, with another tag. Counts as no attempt. */
export type PutBack = { outcome: 'put-back'; tag: number }

/** An attempt that failed and counts as one. */
export type FailedAttempt = { error: Error; class: ErrorClass; startedAt: Date; seconds: number }

export type JobHandler<Payload = unknown> = {
  payload: z.ZodType<Payload>
  run(job: JobRun<Payload>): Promise<PutBack | undefined> | Promise<void>
  /** Told of each failed attempt, the last one too, before the queue learns of it. */
  onFailedAttempt?(job: JobRun<Payload>, attempt: FailedAttempt): Promise<void>
  /**
   * The job will not be tried again by itself. Runs before the queue learns of it.
   * @returns 'completed' when what it stands for was taken over by other jobs
   */
  onExhausted(job: JobRun<Payload>, error: Error): Promise<'failed' | 'completed'>
}

export type AttemptOutcome = 'completed' | 'put-back' | 'retrying' | 'failed' | 'outage'

export type ConsumerOptions = {
  queue: QueueName
  /** By job name. */
  handlers: Readonly<Record<string, JobHandler>>
  policy: RetryPolicy
  concurrency: number
  /** Shown in the job's log. */
  workerName: string
  /** Told after each attempt, however it ended. */
  onAttempt?: (attempt: { name: string; seconds: number; outcome: AttemptOutcome }) => void
}

export type Consumer = {
  /** Jobs in hand at once, from now on. */
  concurrency: number
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
/** BullMQ's own 15 s would be spent waiting when the queue is back. */
const runRetryDelayMs = 2_000

class InvalidJobError extends Error {
  readonly code = 'INVALID_JOB'
  readonly retryable = false
  override readonly name = 'InvalidJobError'
}

export const startConsumer = (
  backend: QueueBackend,
  { queue, handlers, policy, concurrency, workerName, onAttempt = () => {} }: ConsumerOptions,
): Consumer => {
  let outages = 0

  /** Gives the job back with its attempt unused, and lets nobody take one for a while. */
  const hold = async (askedMs: number | undefined) => {
    outages += 1
    // What keeps the jobs may be away too: then this one comes back by stalling.
    await worker.rateLimit(outageDelayMs(policy, outages, askedMs)).catch(() => undefined)
    return Worker.RateLimitError()
  }

  const process = async (job: Job, token?: string) => {
    const startedAt = new Date()
    const started = performance.now()
    const seconds = () => (performance.now() - started) / 1_000
    const attempt = job.attemptsMade + 1
    const about = {
      id: job.id ?? '',
      attempt,
      stalls: job.stalledCounter,
      returns: Math.max(0, job.attemptsStarted - attempt - job.stalledCounter),
      tag: job.priority,
      scheduled: (job.opts.delay ?? 0) > 0,
    }
    const handler = handlers[job.name]
    let putBack: PutBack | undefined
    try {
      if (!handler) throw new InvalidJobError(`no handler for jobs named ${job.name}`)
      const payload = readPayload(handler, job)
      putBack = (await handler.run({ ...about, payload })) as PutBack | undefined
    } catch (thrown) {
      const error = errorOf(thrown)
      const failed = { error, class: classify(error).class, startedAt, seconds: seconds() }
      const exhausted = attempt >= (job.opts.attempts ?? 1) || failed.class === 'unrecoverable'
      const end = (outcome: AttemptOutcome) =>
        onAttempt({ name: job.name, seconds: failed.seconds, outcome })
      // Keeping a record of it may meet an outage as well, and must not use up the attempt then.
      const left = await conclude(job, handler, about, failed, exhausted).catch(errorOf)
      const { class: errorClass, retryAfterMs } = classify(left)
      if (errorClass === 'outage') {
        end('outage')
        throw await hold(retryAfterMs)
      }
      end(exhausted ? 'failed' : 'retrying')
      if (left === undefined) return
      throw errorClass === 'unrecoverable' ? unrecoverable(left) : left
    }
    outages = 0
    const outcome = putBack ? 'put-back' : 'completed'
    onAttempt({ name: job.name, seconds: seconds(), outcome })
    if (!putBack) return
    await job.changePriority({ priority: putBack.tag })
    await job.moveToWait(token)
    throw new WaitingError()
  }

  /** @returns what the queue is to learn of; undefined when other jobs took the work over */
  const conclude = async (
    job: Job,
    handler: JobHandler | undefined,
    about: Omit<JobRun<unknown>, 'payload'>,
    failed: FailedAttempt,
    exhausted: boolean,
  ): Promise<Error | undefined> => {
    const { error, startedAt } = failed
    if (failed.class === 'outage') return error
    const what = `attempt ${about.attempt} on ${workerName}, begun ${startedAt.toISOString()}`
    await writeLog(job, what, error)
    const parsed = handler?.payload.safeParse(job.data)
    if (!handler || !parsed?.success) return error
    const run = { ...about, payload: parsed.data }
    await handler.onFailedAttempt?.(run, failed)
    if (!exhausted) return error
    return (await handler.onExhausted(run, error)) === 'completed' ? undefined : error
  }

  const worker = backend.openWorker(queue, process, {
    name: workerName,
    concurrency,
    maxStalledCount,
    stalledInterval: stalledIntervalMs,
    lockDuration: lockDurationMs,
    runRetryDelay: runRetryDelayMs,
    settings: { backoffStrategy: backoffStrategy(policy) },
  })

  return {
    get concurrency() {
      return worker.concurrency
    },
    set concurrency(jobs) {
      worker.concurrency = jobs
    },
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

/** Anything can be thrown, also what has no text. */
const errorOf = (thrown: unknown): Error =>
  thrown instanceof Error
    ? thrown
    : new Error(typeof thrown === 'string' ? thrown : inspect(thrown))

/** For Bull Board. What is not written is not worth an attempt: the ledger keeps the history. */
const writeLog = async (job: Job, what: string, error: Error) => {
  const code = 'code' in error ? `${error.code}: ` : ''
  await job.log(`${what}: ${code}${error.message}`).catch(() => undefined)
}

/** BullMQ knows it by its class; the stack and the cause stay those of the error it stands for. */
const unrecoverable = (error: Error) => {
  const wrapped = new UnrecoverableError(error.message)
  wrapped.cause = error
  if (error.stack) wrapped.stack = error.stack
  return wrapped
}

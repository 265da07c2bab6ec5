import type { Queue, Worker, WorkerOptions } from 'bullmq'
import type { QueueName } from './names.ts'
import { postgresBackend } from './postgres-backend.ts'
import { redisBackend } from './redis-backend.ts'

export type BackendOptions = {
  /** Given: Redis. Absent: BullMQ's own tables in this database. */
  redisUrl?: string | undefined
  databaseUrl: string
  /** Keeps apart what shares one Redis. */
  prefix: string
  /** Spans of jobs join the trace of the request that queued them. */
  tracing?: boolean
  /** Told of broken connections; they are made anew by themselves. */
  onError?: (error: Error) => void
}

export type WorkerSettings = Omit<WorkerOptions, 'connection' | 'prefix' | 'telemetry'>
export type JobProcessor = ConstructorParameters<typeof Worker>[1]

/** Where jobs are kept. The same code runs on both kinds; only this package knows which one it is. */
export type QueueBackend = {
  readonly kind: 'redis' | 'postgres'
  /** The side that adds and inspects: fails within about a second when the backend is away. */
  openQueue(name: QueueName): Queue
  /** The side that consumes: waits for as long as the backend is away. */
  openWorker(name: QueueName, process: JobProcessor, settings: WorkerSettings): Worker
  /** @returns what is wrong, or undefined when jobs can be added */
  check(): Promise<string | undefined>
  /** Ends the connections; queues and workers are closed by whoever opened them. */
  close(): Promise<void>
}

/** Nothing connects before the first queue or worker is opened. */
export const createBackend = (options: BackendOptions): QueueBackend =>
  options.redisUrl === undefined
    ? postgresBackend(options)
    : redisBackend({ ...options, redisUrl: options.redisUrl })

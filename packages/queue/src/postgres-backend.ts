import {
  assertSchemaCompatibility,
  createPostgresBackend,
  type JobProgress,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  Queue,
  runMigrations,
  Worker,
} from 'bullmq'
import { BullMQOtel } from 'bullmq-otel'
import pg from 'pg'
import type { BackendOptions, QueueBackend } from './backend.ts'

/** BullMQ's tables have a schema of their own in the ledger's database. */
const schema = 'bullmq'
const connectTimeoutMs = 1_000
const statementTimeoutMs = 10_000
/** Above it: a connection whose packets are silently dropped answers nothing, not even that. */
const answerTimeoutMs = 15_000
const producerConnections = 3

/** What one consumer holds at once: fetching, finishing and renewing the locks of its jobs. */
const consumerConnections = (concurrency: number) => concurrency + 2

/** Brings BullMQ's tables up to date. Safe to run at once from several processes: BullMQ locks it. */
export const migrateQueueBackend = async ({
  databaseUrl,
}: {
  databaseUrl: string
}): Promise<void> => {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'inventoryrpa-migrate',
  })
  await client.connect()
  try {
    await runMigrations(client, schema)
  } finally {
    await client.end()
  }
}

type Start = { waitUntilReady(): Promise<unknown>; readyPromise?: unknown }

/**
 * BullMQ remembers a failed start for ever: a queue opened while PostgreSQL was away would never work.
 * It keeps that memory in two private fields, so the version is pinned and a test starts too early.
 */
const createBackend: typeof createPostgresBackend = (...args) => {
  const backend = createPostgresBackend(...args)
  const { connection } = backend as unknown as { connection: Start }
  for (const start of [backend as unknown as Start, connection]) {
    const wait = start.waitUntilReady.bind(start)
    start.waitUntilReady = () =>
      wait().catch((error: unknown) => {
        delete start.readyPromise
        throw error
      })
  }
  return backend
}

export const postgresBackend = ({
  databaseUrl,
  tracing = false,
  onError = () => {},
}: BackendOptions): QueueBackend => {
  const connection = (max: number): PostgresConnectionOptions => ({
    connectionString: databaseUrl,
    application_name: 'inventoryrpa-queue',
    schema,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
  })
  const telemetry = tracing ? { telemetry: new BullMQOtel({ tracerName: 'inventoryrpa' }) } : {}
  const checks = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'inventoryrpa-queue-check',
    max: 1,
    connectionTimeoutMillis: connectTimeoutMs,
  })
  checks.on('error', onError)

  return {
    kind: 'postgres',
    openQueue: (name) => {
      const queue = new Queue<
        unknown,
        unknown,
        string,
        unknown,
        unknown,
        string,
        PostgresQueueBackend,
        PostgresConnectionOptions
      >(name, { connection: connection(producerConnections), ...telemetry }, createBackend)
      queue.on('error', onError)
      // The type names its backend, which nothing outside this file may know.
      return queue as unknown as Queue
    },
    openWorker: (name, process, settings) => {
      const worker = new Worker<
        unknown,
        unknown,
        string,
        PostgresQueueBackend,
        JobProgress,
        PostgresConnectionOptions
      >(
        name,
        process,
        {
          ...settings,
          connection: connection(consumerConnections(settings.concurrency ?? 1)),
          ...telemetry,
        },
        createBackend,
      )
      worker.on('error', onError)
      return worker as unknown as Worker
    },
    check: async () => {
      try {
        await assertSchemaCompatibility(checks, schema)
        return undefined
      } catch (error) {
        return `The queue in PostgreSQL cannot be used: ${(error as Error).message}`
      }
    },
    close: () => checks.end(),
  }
}

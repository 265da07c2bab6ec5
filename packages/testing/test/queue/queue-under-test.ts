import { randomUUID } from 'node:crypto'
import { type ApplyChunkJob, applyChunkJob } from '@inventoryrpa/contracts'
import {
  type Consumer,
  createBackend,
  createProducer,
  type JobRun,
  jobNames,
  type Producer,
  type PutBack,
  queueNames,
  type RetryPolicy,
  startConsumer,
} from '@inventoryrpa/queue'
import { createTestDatabase, testRedis, until } from '@inventoryrpa/testing'
import pg from 'pg'
import { onTestFinished } from 'vitest'

export type Kind = 'redis' | 'postgres'

type Run = JobRun<ApplyChunkJob>

export type Watched = {
  /** Every run of a job, in the order in which they began. */
  runs: (Run & { at: number })[]
  exhausted: { run: Run; error: Error }[]
  /** How each attempt ended. */
  attempts: string[]
  consumer: Consumer
}

export type QueueUnderTest = {
  producer: Producer
  consume(options?: {
    run?: (run: Run) => unknown
    onFailedAttempt?: (run: Run) => unknown
    onExhausted?: (run: Run) => unknown
    concurrency?: number
  }): Watched
  /** Adds a job that no producer of ours would add. */
  addForeign(name: string, data: unknown, id: string): Promise<void>
  stateOf(id: string): Promise<string>
  untilState(id: string, state: string): Promise<void>
  jobs(): Promise<Record<string, number>>
  /** Loses all jobs, as FLUSHALL or a restored backup would. */
  forget(): Promise<void>
}

export const fastPolicy: RetryPolicy = { attempts: 3, backoffMs: 20, backoffMaxMs: 100 }

export const newChunk = (chunk = 0) => ({ batchId: randomUUID(), chunk, queue: 'apply' as const })

/** A queue of its own on one of the backends; all of it ends with the test. */
export const openQueue = async (
  kind: Kind,
  policy: RetryPolicy = fastPolicy,
): Promise<QueueUnderTest> => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const redis = testRedis()
  onTestFinished(() => redis.cleanup())
  const open = () =>
    createBackend({
      redisUrl: kind === 'redis' ? redis.url : undefined,
      databaseUrl: database.url,
      prefix: redis.prefix,
    })
  const backend = open()
  onTestFinished(() => backend.close())
  const producer = createProducer(backend, policy)
  onTestFinished(() => producer.close())
  // Before its connection stands the Redis producer refuses, rather than wait.
  const isUp = async () => (await backend.check()) === undefined
  await until(isUp, { describe: 'the queue usable' })
  const [queue] = producer.queues
  if (!queue) throw new Error('the producer opened no queue')

  const consume: QueueUnderTest['consume'] = ({
    run = () => {},
    onFailedAttempt = () => {},
    onExhausted = () => {},
    concurrency = 1,
  } = {}) => {
    const watched: Omit<Watched, 'consumer'> = { runs: [], exhausted: [], attempts: [] }
    // Each as in a process of its own.
    const own = open()
    const consumer = startConsumer(own, {
      queue: queueNames.apply,
      policy,
      concurrency,
      workerName: 'worker-under-test',
      handlers: {
        [jobNames.applyChunk]: {
          payload: applyChunkJob,
          run: async (job) => {
            watched.runs.push({ ...(job as Run), at: performance.now() })
            return (await run(job as Run)) as PutBack | undefined
          },
          onFailedAttempt: async (job) => {
            await onFailedAttempt(job as Run)
          },
          onExhausted: async (job, error) => {
            const end = await onExhausted(job as Run)
            watched.exhausted.push({ run: job as Run, error })
            return end === 'completed' ? 'completed' : 'failed'
          },
        },
      },
      onAttempt: ({ outcome }) => watched.attempts.push(outcome),
    })
    onTestFinished(async () => {
      await consumer.close(1_000)
      await own.close()
    })
    return { ...watched, consumer }
  }
  const stateOf = async (id: string) => (await (await queue.getJob(id))?.getState()) ?? 'unknown'

  return {
    producer,
    consume,
    stateOf,
    addForeign: async (name, data, id) => {
      await queue.add(name, data, { jobId: id, attempts: policy.attempts })
    },
    untilState: async (id, state) => {
      const reached = async () => (await stateOf(id)) === state
      await until(reached, { timeoutMs: 15_000, describe: `job ${id} ${state}` })
    },
    jobs: () => queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized'),
    forget: async () => {
      if (kind === 'redis') return redis.cleanup()
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      await client.query('delete from bullmq.job')
      await client.end()
    },
  }
}

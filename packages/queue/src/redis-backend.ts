import { Queue, Worker } from 'bullmq'
import { BullMQOtel } from 'bullmq-otel'
import { Redis, type RedisOptions } from 'ioredis'
import type { BackendOptions, QueueBackend } from './backend.ts'

/** A frozen Redis would hang a command for good (the answer may still have been carried out). */
const commandTimeoutMs = 1_000
const connectTimeoutMs = 1_000
/** Above BullMQ's 5 s of blocking: a silent drop of packets is noticed by the next answer that is due. */
const socketTimeoutMs = 15_000
/** A command that times out leaves its connection open, even one whose packets are dropped for good. */
const producerSocketTimeoutMs = 3_000
const retryStrategy = (times: number) => Math.min(50 * 2 ** Math.min(times, 10), 2_000)

const producing = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  commandTimeout: commandTimeoutMs,
  socketTimeout: producerSocketTimeoutMs,
  connectTimeout: connectTimeoutMs,
  retryStrategy,
} satisfies RedisOptions
const consuming = {
  maxRetriesPerRequest: null,
  socketTimeout: socketTimeoutMs,
  connectTimeout: connectTimeoutMs,
  retryStrategy,
} satisfies RedisOptions
/** BullMQ's start asks for the version, and a drop at that moment would break the queue for good; `check` asks instead. */
const skipVersionCheck = true

export const redisBackend = ({
  redisUrl,
  prefix,
  tracing = false,
  onError = () => {},
}: BackendOptions & { redisUrl: string }): QueueBackend => {
  const clients: Redis[] = []
  const connect = (options: typeof producing | typeof consuming) => {
    const client = new Redis(redisUrl, options)
    client.on('error', onError)
    clients.push(client)
    return client
  }
  let producer: Redis | undefined
  const producerClient = () => {
    producer ??= connect(producing)
    return producer
  }
  const telemetry = tracing ? { telemetry: new BullMQOtel({ tracerName: 'inventoryrpa' }) } : {}

  return {
    kind: 'redis',
    openQueue: (name) => {
      const connection = producerClient()
      const options = {
        connection,
        prefix,
        skipVersionCheck,
        skipWaitingForReady: true,
        ...telemetry,
      }
      return new Queue(name, options).on('error', onError)
    },
    openWorker: (name, process, settings) => {
      const connection = connect(consuming)
      const options = { ...settings, connection, prefix, skipVersionCheck, ...telemetry }
      return new Worker(name, process, options).on('error', onError)
    },
    check: () => checkRedis(producerClient()),
    close: async () => {
      for (const client of clients) client.disconnect()
    },
  }
}

/** Redis must answer, be no replica, and never evict: an evicted job key breaks its queue silently. */
const checkRedis = async (client: Redis): Promise<string | undefined> => {
  const info = await client.info().catch((error: Error) => error)
  if (info instanceof Error) return `Redis does not answer: ${info.message}`
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  if (field('loading') === '1') return 'Redis is loading its data'
  if (field('role') === 'slave') return 'Redis is a read-only replica'
  const policy = field('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    return `Redis has maxmemory-policy ${policy}; only noeviction keeps jobs safe`
  }
  // INFO is answered while the connection is still being set up, jobs are not.
  return client.status === 'ready' ? undefined : 'Redis is not connected yet'
}

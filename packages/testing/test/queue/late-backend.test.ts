import { randomUUID } from 'node:crypto'
import { type ApplyChunkJob, applyChunkJob } from '@inventoryrpa/contracts'
import {
  createBackend,
  createProducer,
  jobNames,
  queueNames,
  startConsumer,
} from '@inventoryrpa/queue'
import { startMigratedPostgres, startRedis, until } from '@inventoryrpa/testing'
import { expect, onTestFinished, test } from 'vitest'

const policy = { attempts: 3, backoffMs: 20, backoffMaxMs: 100 }

test.for(['redis', 'postgres'] as const)(
  'a consumer that started before its backend takes jobs within 30 s of its coming up, on %s',
  { timeout: 90_000 },
  async (kind) => {
    const server = kind === 'redis' ? await startRedis() : await startMigratedPostgres()
    onTestFinished(() => server.stop())
    const url = typeof server.url === 'string' ? server.url : server.url()
    await server.kill()
    const open = () =>
      createBackend({
        redisUrl: kind === 'redis' ? url : undefined,
        databaseUrl: kind === 'redis' ? 'postgres://nobody@127.0.0.1:1/nothing' : url,
        prefix: '{late}',
      })
    const consuming = open()
    onTestFinished(() => consuming.close())
    const failures: string[] = []
    const ran: ApplyChunkJob[] = []
    const consumer = startConsumer(consuming, {
      queue: queueNames.apply,
      policy,
      concurrency: 1,
      workerName: 'late',
      handlers: {
        [jobNames.applyChunk]: {
          payload: applyChunkJob,
          run: async ({ payload }) => void ran.push(payload as ApplyChunkJob),
          onExhausted: async (_run, error) => {
            failures.push(error.message)
            return 'failed'
          },
        },
      },
    })
    onTestFinished(async () => {
      await consumer.close(1_000)
    })
    const refused = async () => (await consuming.check()) !== undefined
    await until(refused, { describe: 'the backend away' })

    await server.restart()
    const producing = open()
    onTestFinished(() => producing.close())
    const producer = createProducer(producing, policy)
    onTestFinished(() => producer.close())
    const isUp = async () => (await producing.check()) === undefined
    await until(isUp, { describe: 'the backend up' })
    const chunk = { batchId: randomUUID(), chunk: 0 }
    await producer.enqueueChunks([{ ...chunk, queue: 'apply' }])
    await until(() => ran.length > 0, { timeoutMs: 30_000, describe: 'the job run' })
    expect(ran).toEqual([{ v: 1, ...chunk }])
    expect(failures).toEqual([])
  },
)

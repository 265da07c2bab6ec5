import { type ConnectionOptions, Queue } from 'bullmq'

export const queueName = 'lines'

export type SubmittedLine = {
  type: 'adjustment'
  sku: string
  location: string
  quantity: number
  reason?: string
  reference?: string
  observedAt?: string
}

/** A job is a line. Its batch and number make it unique, however often the job runs. */
export type LineJob = SubmittedLine & { batchId: string; line: number }

export const openQueue = (connection: ConnectionOptions, prefix?: string): Queue<LineJob> =>
  new Queue(queueName, {
    connection,
    ...(prefix && { prefix }),
    defaultJobOptions: {
      attempts: 3,
      backoff: { type: 'exponential', delay: 1_000 },
      removeOnComplete: true,
    },
  })

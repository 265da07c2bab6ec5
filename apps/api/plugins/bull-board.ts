import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import { freshAttempts, type Producer, webhookQueueName } from '@inventoryrpa/queue'
import type { FastifyPluginAsync } from 'fastify'

export type BullBoardOptions = { queues: Producer['queues']; basePath: string }

/** Bull Board with all queues; each job links to its batch. */
export const bullBoardPlugin: FastifyPluginAsync<BullBoardOptions> = async (
  app,
  { queues, basePath },
) => {
  const board = new FastifyAdapter()
  board.setBasePath(basePath)
  createBullBoard({
    queues: queues.map(
      (queue) =>
        new ResettingAdapter(queue, {
          ...(queue.name !== webhookQueueName && { externalJobUrl: batchUrl }),
        }),
    ),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'InventoryRPA' } },
  })
  await app.register(board.registerPlugin(), { prefix: basePath })
}

const batchUrl = ({ data }: { data: { batchId?: string } }) => ({
  displayText: `Batch ${data.batchId}`,
  href: `/batches/${data.batchId}`,
})

/** Retrying here is as the relay does it. */
class ResettingAdapter extends BullMQAdapter {
  override async getJob(id: string) {
    const job = await super.getJob(id)
    return job && resetting(job)
  }

  override async getJobs(...args: Parameters<BullMQAdapter['getJobs']>) {
    return (await super.getJobs(...args)).map(resetting)
  }
}

type Job = NonNullable<Awaited<ReturnType<BullMQAdapter['getJob']>>>

const resetting = (job: Job): Job => {
  const retry = job.retry.bind(job)
  job.retry = (state) => retry(state, freshAttempts)
  return job
}

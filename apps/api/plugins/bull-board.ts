import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import type { Producer } from '@inventoryrpa/queue'
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
        new BullMQAdapter(queue, {
          externalJobUrl: ({ data }) => ({
            displayText: `Batch ${data.batchId}`,
            href: `/batches/${data.batchId}`,
          }),
        }),
    ),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'InventoryRPA' } },
  })
  await app.register(board.registerPlugin(), { prefix: basePath })
}

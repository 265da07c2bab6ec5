import { guard } from '@inventoryrpa/contracts'
import { findGuard, type LedgerDatabase, putGuard } from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { problemResponses } from './problem-responses.ts'

/** What a tenant's batches may do without anybody's approval. */
export const guardRoutes: FastifyPluginAsyncZod<{ db: LedgerDatabase }> = async (app, { db }) => {
  app.get(
    '/guard',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'getGuard',
        summary: 'Get the limits beyond which a batch awaits approval',
        description: 'Without any, no batch does.',
        tags: ['guard'],
        response: { 200: guard, ...problemResponses() },
      },
    },
    async (request) => findGuard(db, request.apiKey.tenantId),
  )

  app.put(
    '/guard',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'putGuard',
        summary: 'Set the limits beyond which a batch awaits approval',
        description:
          'For batches that are sent or applied from now on. While there is any limit, every batch is planned before it is applied; lines that follow the stock source are not. An empty object lifts them all.',
        tags: ['guard'],
        body: guard,
        response: { 200: guard, ...problemResponses() },
      },
    },
    async (request) => {
      const { tenantId, id: by } = request.apiKey
      await putGuard(db, tenantId, request.body)
      request.log.info({ by, guard: request.body }, 'guard set')
      return request.body
    },
  )
}

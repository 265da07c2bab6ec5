import { location, movement, pageOf, pageQuery, sku, stockLevel } from '@inventoryrpa/contracts'
import { type LedgerDatabase, listMovements, listStock } from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problemResponses } from './problem-responses.ts'

export const stockRoutes: FastifyPluginAsyncZod<{ db: LedgerDatabase }> = async (app, { db }) => {
  app.get(
    '/stock',
    {
      config: { scope: 'stock:read' },
      schema: {
        operationId: 'listStock',
        summary: 'List stock levels',
        description: 'By SKU, then location.',
        tags: ['stock'],
        querystring: z.strictObject({
          ...pageQuery,
          sku: sku.optional(),
          location: location.optional(),
        }),
        response: { 200: pageOf(stockLevel), ...problemResponses() },
      },
    },
    async (request) => listStock(db, request.apiKey.tenantId, request.query),
  )

  app.get(
    '/stock/:sku/movements',
    {
      config: { scope: 'stock:read' },
      schema: {
        operationId: 'listMovements',
        summary: "List a SKU's movements",
        description: 'The audit trail, latest occurrence first.',
        tags: ['stock'],
        params: z.object({ sku }),
        querystring: z.strictObject({ ...pageQuery, location: location.optional() }),
        response: { 200: pageOf(movement), ...problemResponses() },
      },
    },
    async (request) =>
      listMovements(db, request.apiKey.tenantId, { ...request.query, sku: request.params.sku }),
  )
}

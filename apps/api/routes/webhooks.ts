import {
  deliveryState,
  pageOf,
  pageQuery,
  webhookDelivery,
  webhookDeliveryWithLog,
  webhookSecret,
} from '@inventoryrpa/contracts'
import {
  findWebhookDelivery,
  type LedgerDatabase,
  listWebhookDeliveries,
  replayWebhookDelivery,
  rotateWebhookSecret,
} from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ProblemError } from '../plugins/problems.ts'
import { problemResponses } from './problem-responses.ts'

export type WebhookRoutesOptions = { db: LedgerDatabase }

const tags = ['webhooks']
const params = z.object({ id: z.uuid() })

const noDelivery = (id: string) =>
  new ProblemError('not-found', `there is no webhook delivery ${id}`)

export const webhookRoutes: FastifyPluginAsyncZod<WebhookRoutesOptions> = async (app, { db }) => {
  app.post(
    '/webhook-secret',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'rotateWebhookSecret',
        summary: 'Make a new secret to sign webhooks with',
        description:
          'The secret before it signs as well for a day, so that receivers can be changed meanwhile; the one before that no longer.',
        tags,
        response: { 200: webhookSecret, ...problemResponses() },
      },
    },
    async ({ apiKey, log }, reply) => {
      const made = await rotateWebhookSecret(db, apiKey.tenantId)
      log.info({ tenantId: apiKey.tenantId, keyId: apiKey.id }, 'webhook secret rotated')
      return reply.header('cache-control', 'no-store').send(made)
    },
  )

  app.get(
    '/webhook-deliveries',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'listWebhookDeliveries',
        summary: 'List webhook deliveries, newest first',
        description: 'Those that are settled are kept for 30 days.',
        tags,
        querystring: z.strictObject({
          ...pageQuery,
          state: deliveryState.optional(),
          batchId: z.uuid().optional(),
        }),
        response: { 200: pageOf(webhookDelivery), ...problemResponses() },
      },
    },
    async (request) => listWebhookDeliveries(db, request.apiKey.tenantId, request.query),
  )

  app.get(
    '/webhook-deliveries/:id',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'getWebhookDelivery',
        summary: 'Get a webhook delivery with its attempts',
        description: 'And with the payload, as it is signed and sent.',
        tags,
        params,
        response: { 200: webhookDeliveryWithLog, ...problemResponses('not-found') },
      },
    },
    async ({ apiKey, params: { id } }) => {
      const found = await findWebhookDelivery(db, apiKey.tenantId, id)
      if (!found) throw noDelivery(id)
      return found
    },
  )

  app.post(
    '/webhook-deliveries/:id/replay',
    {
      config: { scope: 'batches:write' },
      schema: {
        operationId: 'replayWebhookDelivery',
        summary: 'Deliver a webhook again',
        description:
          'Whatever became of it: it is attempted within seconds, and for another day if need be. Its webhook-id stays.',
        tags,
        params,
        response: { 202: webhookDelivery, ...problemResponses('not-found') },
      },
    },
    async ({ apiKey, params: { id } }, reply) => {
      const replayed = await replayWebhookDelivery(db, apiKey.tenantId, id)
      if (!replayed) throw noDelivery(id)
      return reply.code(202).send(replayed)
    },
  )
}

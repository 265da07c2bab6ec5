import {
  apiKey,
  apiKeyId,
  createApiKeyRequest,
  issuedApiKey,
  pageOf,
  pageQuery,
  rotateApiKeyRequest,
} from '@inventoryrpa/contracts'
import {
  createApiKey,
  type LedgerDatabase,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
} from '@inventoryrpa/ledger'
import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { ProblemError } from '../plugins/problems.ts'
import { problemResponses } from './problem-responses.ts'

const tags = ['keys']
const params = z.object({ id: apiKeyId })
const absent = (id: string) => new ProblemError('not-found', `there is no key ${id}`)

/** No cache on the way may keep a secret. */
const neverStored = (reply: FastifyReply) => reply.header('cache-control', 'no-store')

/** A key's own tenant's: another's are as absent as those that never were. */
export const keyRoutes: FastifyPluginAsyncZod<{ db: LedgerDatabase }> = async (app, { db }) => {
  app.get(
    '/keys',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'listKeys',
        summary: 'List API keys, newest first',
        description: 'With those that are revoked, without their secrets.',
        tags,
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(apiKey), ...problemResponses() },
      },
    },
    async (request) => listApiKeys(db, request.apiKey.tenantId, request.query),
  )

  app.post(
    '/keys',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'createKey',
        summary: 'Make an API key',
        description: 'The key itself is in this answer only.',
        tags,
        body: createApiKeyRequest,
        response: { 201: issuedApiKey, ...problemResponses() },
      },
    },
    async ({ apiKey: { tenantId }, body }, reply) => {
      const issued = await createApiKey(db, { tenantId, ...body })
      return neverStored(reply).code(201).send(issued)
    },
  )

  app.post(
    '/keys/:id/rotate',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'rotateKey',
        summary: 'Give an API key a new secret',
        description:
          'Its former secret works for graceSeconds more, and for up to 5 seconds after that. One from before that no longer works.',
        tags,
        params,
        body: rotateApiKeyRequest,
        response: {
          200: issuedApiKey,
          ...problemResponses('not-found'),
        },
      },
    },
    async ({ apiKey: { tenantId }, params: { id }, body }, reply) => {
      const issued = await rotateApiKey(db, id, { tenantId, ...body })
      if (!issued) throw absent(id)
      app.forgetKey(id)
      return neverStored(reply).send(issued)
    },
  )

  app.delete(
    '/keys/:id',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'revokeKey',
        summary: 'Revoke an API key',
        description: 'It works for up to 5 seconds more.',
        tags,
        params,
        response: {
          204: z.null().meta({ description: 'It is revoked.' }),
          ...problemResponses('not-found'),
        },
      },
    },
    async ({ apiKey: { tenantId }, params: { id } }, reply) => {
      if (!(await revokeApiKey(db, id, tenantId))) throw absent(id)
      app.forgetKey(id)
      return reply.code(204).send(null)
    },
  )
}

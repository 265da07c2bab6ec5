import {
  deadLetter,
  deadLetterFilter,
  deadLetterGroup,
  pageOf,
  pageQuery,
  redrive,
  redriveRequest,
} from '@inventoryrpa/contracts'
import {
  findRedrive,
  type LedgerDatabase,
  listDeadLetterGroups,
  listDeadLetters,
  startRedrive,
} from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Enqueuer } from '../enqueuer.ts'
import { ProblemError } from '../plugins/problems.ts'
import { problemResponses } from './problem-responses.ts'

export type DeadLetterRoutesOptions = { db: LedgerDatabase; enqueuer: Enqueuer }

const tags = ['dead letters']

export const deadLetterRoutes: FastifyPluginAsyncZod<DeadLetterRoutesOptions> = async (
  app,
  { db, enqueuer },
) => {
  app.get(
    '/dead-letters',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'listDeadLetterGroups',
        summary: 'List dead letters by what they have in common',
        description: 'Grouped by fingerprint: error, location and stock source.',
        tags,
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(deadLetterGroup), ...problemResponses() },
      },
    },
    async (request) => listDeadLetterGroups(db, request.apiKey.tenantId, request.query),
  )

  app.get(
    '/dead-letters/lines',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'listDeadLetters',
        summary: 'List dead letters with their attempts',
        description: 'Of a fingerprint, of a batch, or all.',
        tags,
        querystring: z.strictObject({ ...pageQuery, ...deadLetterFilter }),
        response: { 200: pageOf(deadLetter), ...problemResponses() },
      },
    },
    async (request) => listDeadLetters(db, request.apiKey.tenantId, request.query),
  )

  app.post(
    '/dead-letters/redrive',
    {
      config: { scope: 'dead-letters:redrive' },
      schema: {
        operationId: 'redriveDeadLetters',
        summary: 'Run dead letters again',
        description:
          'All that match and were dead when it was asked for, once each. Their lines are pending again.',
        tags,
        body: redriveRequest,
        response: { 202: redrive, ...problemResponses() },
      },
    },
    async (request, reply) => {
      const started = await startRedrive(db, request.apiKey.tenantId, request.body)
      enqueuer.redrive(started.chunks)
      reply.header('location', `/v1/dead-letters/redrives/${started.redrive.id}`)
      return reply.code(202).send(started.redrive)
    },
  )

  app.get(
    '/dead-letters/redrives/:id',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'getRedrive',
        summary: 'Get a redrive',
        description: 'How far it is.',
        tags,
        params: z.object({ id: z.uuid() }),
        response: { 200: redrive, ...problemResponses('not-found') },
      },
    },
    async ({ apiKey, params: { id } }) => {
      const found = await findRedrive(db, apiKey.tenantId, id)
      if (!found) throw new ProblemError('not-found', `there is no redrive ${id}`)
      return found
    },
  )
}

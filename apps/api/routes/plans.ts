import {
  applyPlan as applyPlanBody,
  batch,
  decideBatch as decideBody,
  pageOf,
  pageQuery,
  plannedLine,
  type ReverseBatch,
  reverseBatch as reverseBody,
} from '@inventoryrpa/contracts'
import {
  applyPlan,
  decideBatch,
  type LedgerDatabase,
  listPlan,
  requestCancel,
  reverseBatch,
} from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Enqueuer } from '../enqueuer.ts'
import { ProblemError } from '../plugins/problems.ts'
import { batchOr404, noBatch } from './batch-or-404.ts'
import { problemResponses } from './problem-responses.ts'

export type PlanRoutesOptions = { db: LedgerDatabase; enqueuer: Enqueuer; maxChunkLines: number }

const params = z.object({ id: z.uuid() })

/** A reversal has as many lines as its batch: a million take some 20 s. */
const reverseTimeoutMs = 120_000

const wrongState = (state: string, wanted: string) =>
  new ProblemError('batch-state', `the batch is ${state}; ${wanted}`)

/** What becomes of a batch after it was sent: plans, approval, cancelling and reversing. */
export const planRoutes: FastifyPluginAsyncZod<PlanRoutesOptions> = async (
  app,
  { db, enqueuer, maxChunkLines },
) => {
  app.get(
    '/batches/:id/plan',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'listPlan',
        summary: "List what would become of a batch's lines",
        description:
          'Of a preview and of a batch that awaits approval, in the order of the request. Lines that are not planned yet are not listed.',
        tags: ['batches'],
        params,
        querystring: z.strictObject(pageQuery),
        response: { 200: pageOf(plannedLine), ...problemResponses('not-found') },
      },
    },
    async (request) => {
      const { id } = await batchOr404(db, request.apiKey.tenantId, request.params.id)
      return listPlan(db, id, request.query)
    },
  )

  app.post(
    '/batches/:id/apply',
    {
      config: { scope: 'batches:write', addsLines: true },
      schema: {
        operationId: 'applyBatch',
        summary: 'Apply a preview',
        description:
          'Takes the hash of the plan that was looked at. Lines whose level moved since are rebased or rejected, as onConflict says; all others are applied as planned.',
        tags: ['batches'],
        params,
        body: applyPlanBody,
        response: {
          202: batch,
          ...problemResponses(
            'not-found',
            'batch-state',
            'plan-mismatch',
            'backlog-full',
            413,
            415,
          ),
        },
      },
    },
    async (request, reply) => {
      const { tenantId } = request.apiKey
      const { id } = request.params
      const applied = await applyPlan(db, { tenantId, batchId: id }, request.body)
      if (applied.outcome === 'unknown') throw noBatch(id)
      if (applied.outcome === 'wrong-state') {
        throw wrongState(applied.state, 'only one that is previewed can be applied')
      }
      if (applied.outcome === 'mismatch') {
        throw new ProblemError('plan-mismatch', 'planHash is not that of the plan as it is now')
      }
      enqueuer.enqueue(tenantId, applied)
      return reply.code(202).send(applied.batch)
    },
  )

  app.post(
    '/batches/:id/approve',
    {
      config: { scope: 'batches:approve' },
      schema: {
        operationId: 'approveBatch',
        summary: 'Approve or reject a batch that awaits approval',
        description: 'By another key than the one that sent it.',
        tags: ['batches'],
        params,
        body: decideBody,
        response: {
          202: batch,
          ...problemResponses('own-batch', 'not-found', 'batch-state'),
        },
      },
    },
    async (request, reply) => {
      const { tenantId, id: by } = request.apiKey
      const { id } = request.params
      const decided = await decideBatch(db, { tenantId, batchId: id }, { ...request.body, by })
      if (decided.outcome === 'unknown') throw noBatch(id)
      if (decided.outcome === 'own') {
        throw new ProblemError('own-batch', 'it takes another key than the one that sent the batch')
      }
      if (decided.outcome === 'wrong-state') {
        throw wrongState(decided.state, 'only one that awaits approval can be decided on')
      }
      request.log.info({ batchId: id, by, decision: request.body.decision }, 'batch decided on')
      if (request.body.decision === 'reject') enqueuer.cancel(id)
      else enqueuer.enqueue(tenantId, decided)
      return reply.code(202).send(decided.batch)
    },
  )

  app.post(
    '/batches/:id/cancel',
    {
      config: { scope: 'batches:write' },
      schema: {
        operationId: 'cancelBatch',
        summary: 'Cancel a batch',
        description:
          'No line is applied from now on, in any process. What was applied stays applied and is counted; the others end as cancelled within moments.',
        tags: ['batches'],
        params,
        response: { 202: batch, ...problemResponses('not-found', 'batch-state') },
      },
    },
    async (request, reply) => {
      const { tenantId } = request.apiKey
      const { id } = request.params
      const cancelled = await requestCancel(db, { tenantId, batchId: id })
      if (cancelled.outcome === 'unknown') throw noBatch(id)
      if (cancelled.outcome === 'wrong-state') {
        throw wrongState(cancelled.state, 'no line of it is pending or held')
      }
      enqueuer.cancel(id)
      return reply.code(202).send(cancelled.batch)
    },
  )

  app.post(
    '/batches/:id/reverse',
    {
      config: { scope: 'batches:write', addsLines: true },
      handlerTimeout: reverseTimeoutMs,
      schema: {
        operationId: 'reverseBatch',
        summary: 'Reverse a batch',
        description:
          'Accepts a batch that compensates it: a line under the same number for each of its lines that moved something. A batch can be reversed once.',
        tags: ['batches'],
        params,
        body: reverseBody,
        response: {
          202: batch,
          ...problemResponses(
            ...(['not-found', 'batch-state', 'already-reversed', 'nothing-applied'] as const),
            'backlog-full',
          ),
        },
      },
    },
    async (request, reply) => {
      const reversed = await reverse(request.apiKey, request.params.id, request.body)
      enqueuer.enqueue(request.apiKey.tenantId, reversed)
      return reply
        .code(202)
        .header('location', `/v1/batches/${reversed.batch.id}`)
        .send(reversed.batch)
    },
  )

  const reverse = async (
    { tenantId, id: submittedBy }: { tenantId: number; id: string },
    batchId: string,
    { reference, mode, laterMovements }: ReverseBatch,
  ) => {
    const asked = { tenantId, batchId, reference, mode, laterMovements, submittedBy }
    const reversed = await reverseBatch(db, asked, { maxChunkLines })
    switch (reversed.outcome) {
      case 'accepted':
        return reversed
      case 'unknown':
        throw noBatch(batchId)
      case 'wrong-state':
        throw wrongState(reversed.state, 'only one that is done can be reversed')
      case 'already-reversed':
        throw new ProblemError('already-reversed', 'a batch can be reversed once')
      case 'nothing-applied':
        throw new ProblemError('nothing-applied', 'no line of the batch moved anything')
    }
  }
}

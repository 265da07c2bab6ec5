import { createHash } from 'node:crypto'
import {
  batch,
  batchState,
  lineOutcome,
  name,
  nameLengths,
  outcome,
  pageOf,
  pageQuery,
  recogniseBatch,
  submitBatch,
} from '@inventoryrpa/contracts'
import {
  acceptBatch,
  type LedgerDatabase,
  listBatches,
  listLineOutcomes,
} from '@inventoryrpa/ledger'
import { type FastifyPluginAsyncZod, validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CallbackCheck } from '../callback-check.ts'
import type { Enqueuer } from '../enqueuer.ts'
import type { ExpressWay } from '../express-way.ts'
import { answerAccepted, idempotencyKey, refuseSourceless } from './accepting.ts'
import { batchOr404 } from './batch-or-404.ts'
import { problemResponses } from './problem-responses.ts'

export type BatchRoutesOptions = {
  db: LedgerDatabase
  enqueuer: Enqueuer
  maxChunkLines: number
  checkCallback: CallbackCheck
  /** Whether workers can read a stock source. */
  hasStockSource: boolean
  expressWay: ExpressWay
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()

const params = z.object({ id: z.uuid() })

/** A batch that is right is recognised in a fraction of zod's time; zod says what is wrong with the others. */
const recognisingCompiler: typeof validatorCompiler = (route) => {
  const validate = validatorCompiler(route)
  if (route.schema !== submitBatch) return validate
  return (body) => {
    const value = recogniseBatch(body)
    return value ? { value } : validate(body)
  }
}

export const batchRoutes: FastifyPluginAsyncZod<BatchRoutesOptions> = async (
  app,
  { db, enqueuer, maxChunkLines, checkCallback, hasStockSource, expressWay },
) => {
  app.setValidatorCompiler(recognisingCompiler)

  app.post(
    '/batches',
    {
      config: { scope: 'batches:write', addsLines: true },
      schema: {
        operationId: 'submitBatch',
        summary: 'Submit a batch of lines',
        description:
          'Answers 202 once the batch is committed: from then on no line is lost or applied twice. While the stock source that it needs is down, Retry-After says in how many seconds it is tried again.',
        tags: ['batches'],
        headers: z.object({ 'idempotency-key': idempotencyKey }),
        body: submitBatch,
        response: {
          202: batch,
          ...problemResponses('idempotency-conflict', 'backlog-full', 422),
        },
      },
    },
    async (request, reply) => {
      const { reference, mode, negativeStock, verify, priority, callbackUrl, lines } = request.body
      const { tenantId, id: submittedBy } = request.apiKey
      await checkCallback(tenantId, callbackUrl)
      const needsSource = verify || lines.some((line) => line.type === 'sync')
      if (needsSource) refuseSourceless({ hasStockSource, mode })
      const notBefore = request.body.notBefore ? new Date(request.body.notBefore) : undefined
      const express =
        !needsSource && expressWay.admits(tenantId, { lines: lines.length, priority, notBefore })
      const key = request.headers['idempotency-key']
      const accepting = acceptBatch(
        db,
        {
          tenantId,
          reference,
          mode,
          negativeStock,
          verify,
          priority,
          notBefore,
          submittedBy,
          callbackUrl,
          express,
          lines,
          body: request.bodyBytes,
          idempotency: key ? { key, bodySha256: sha256(request.bodyBytes) } : undefined,
        },
        { maxChunkLines },
      )
      const [accepted, heldSeconds] = await Promise.all([
        accepting,
        needsSource ? enqueuer.sourceHeldSeconds() : 0,
      ])
      return answerAccepted(accepted, { request, reply, enqueuer, heldSeconds })
    },
  )

  app.get(
    '/batches',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'listBatches',
        summary: 'List batches, newest first',
        description: 'Of a state, of a reference, or all.',
        tags: ['batches'],
        querystring: z.strictObject({
          ...pageQuery,
          state: batchState.optional(),
          reference: name(nameLengths.reference).optional(),
        }),
        response: { 200: pageOf(batch), ...problemResponses() },
      },
    },
    async (request) => listBatches(db, request.apiKey.tenantId, request.query),
  )

  app.get(
    '/batches/:id',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'getBatch',
        summary: 'Get a batch: its state and counts',
        description: 'The six counts after total always add up to it, at every moment.',
        tags: ['batches'],
        params,
        response: { 200: batch, ...problemResponses('not-found') },
      },
    },
    async (request) => batchOr404(db, request.apiKey.tenantId, request.params.id),
  )

  app.get(
    '/batches/:id/lines',
    {
      config: { scope: 'batches:read' },
      schema: {
        operationId: 'listLineOutcomes',
        summary: "List the outcomes of a batch's lines",
        description:
          'In the order of the request. Lines that are pending have no outcome yet and are not listed.',
        tags: ['batches'],
        params,
        querystring: z.strictObject({ ...pageQuery, outcome: outcome.optional() }),
        response: { 200: pageOf(lineOutcome), ...problemResponses('not-found') },
      },
    },
    async (request) => {
      const { id } = await batchOr404(db, request.apiKey.tenantId, request.params.id)
      return listLineOutcomes(db, id, request.query)
    },
  )
}

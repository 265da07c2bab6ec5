import {
  acknowledgeRequest,
  discrepancy,
  discrepancyKinds,
  pageOf,
  pageQuery,
  resolveRequest,
  sku,
} from '@inventoryrpa/contracts'
import {
  acceptBatch,
  acknowledgeDiscrepancy,
  findOpenDiscrepancy,
  type LedgerDatabase,
  listDiscrepancies,
  resolveDiscrepancy,
} from '@inventoryrpa/ledger'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Enqueuer } from '../enqueuer.ts'
import { ProblemError } from '../plugins/problems.ts'
import { problemResponses } from './problem-responses.ts'

export type DiscrepancyRoutesOptions = {
  db: LedgerDatabase
  enqueuer: Enqueuer
  hasStockSource: boolean
}

const tags = ['discrepancies']
const params = z.object({ id: z.uuid() })
const absent = (id: string) => new ProblemError('not-found', `there is no open discrepancy ${id}`)

export const discrepancyRoutes: FastifyPluginAsyncZod<DiscrepancyRoutesOptions> = async (
  app,
  { db, enqueuer, hasStockSource },
) => {
  app.get(
    '/discrepancies',
    {
      config: { scope: 'stock:read' },
      schema: {
        operationId: 'listDiscrepancies',
        summary: 'List what counts, ledger and stock source disagree on',
        description: 'Oldest first. They are found by batches with `verify`.',
        tags,
        querystring: z.strictObject({
          ...pageQuery,
          open: z
            .enum(['true', 'false'])
            .transform((value) => value === 'true')
            .optional(),
          kind: z.enum(discrepancyKinds).optional(),
          sku: sku.optional(),
        }),
        response: { 200: pageOf(discrepancy), ...problemResponses() },
      },
    },
    async (request) => listDiscrepancies(db, request.apiKey.tenantId, request.query),
  )

  app.post(
    '/discrepancies/:id/acknowledge',
    {
      config: { scope: 'batches:write' },
      schema: {
        operationId: 'acknowledgeDiscrepancy',
        summary: 'Say who looks after a discrepancy',
        description: 'It stays open.',
        tags,
        params,
        body: acknowledgeRequest,
        response: { 200: discrepancy, ...problemResponses('not-found') },
      },
    },
    async ({ apiKey, params: { id }, body }) => {
      const acknowledged = await acknowledgeDiscrepancy(db, apiKey.tenantId, id, body.owner)
      if (!acknowledged) throw absent(id)
      return acknowledged
    },
  )

  app.post(
    '/discrepancies/:id/resolve',
    {
      config: { scope: 'batches:write' },
      schema: {
        operationId: 'resolveDiscrepancy',
        summary: 'Close a discrepancy, and have the ledger follow the source if asked to',
        description:
          'With followSource a sync of its level is submitted as a batch, once however often it is asked for.',
        tags,
        params,
        body: resolveRequest,
        response: {
          200: discrepancy,
          ...problemResponses('not-found', 'idempotency-conflict', 'no-stock-source'),
        },
      },
    },
    async ({ apiKey: { tenantId }, params: { id }, body: { resolution, followSource } }) => {
      const open = await findOpenDiscrepancy(db, tenantId, id)
      if (!open) throw absent(id)
      if (followSource && !hasStockSource) {
        throw new ProblemError('no-stock-source', 'there is no source to follow')
      }
      const batch = followSource ? await submitSync(tenantId, open) : undefined
      const resolved = await resolveDiscrepancy(db, tenantId, id, {
        resolution,
        recountBatchId: batch,
      })
      if (!resolved) throw absent(id)
      return resolved
    },
  )

  /**
   * One batch for a discrepancy, however often it is asked for: its id is the key. No key of a client
   * has a blank, so none is the same.
   */
  const submitSync = async (
    tenantId: number,
    { id, sku, location }: { id: string; sku: string; location: string },
  ) => {
    const accepted = await acceptBatch(
      db,
      {
        tenantId,
        reference: `discrepancy ${id}`,
        mode: 'apply',
        negativeStock: 'allow',
        lines: [{ type: 'sync', sku, location }],
        idempotency: { key: `discrepancy ${id}`, bodySha256: Buffer.from(id) },
      },
      { maxChunkLines: 1 },
    )
    if (!('batch' in accepted)) {
      const detail = 'this discrepancy is being resolved by another request'
      throw new ProblemError('idempotency-conflict', detail, { retryAfterSeconds: 1 })
    }
    if (accepted.outcome === 'accepted') enqueuer.enqueue(tenantId, accepted)
    return accepted.batch.id
  }
}

import type { BatchMode } from '@inventoryrpa/contracts'
import type { Accepted } from '@inventoryrpa/ledger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Enqueuer } from '../enqueuer.ts'
import { ProblemError } from '../plugins/problems.ts'

/** Printable ASCII, as a structured header field allows, with or without the draft's quotes. */
export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, {
    error: 'must be 1 to 255 printable ASCII characters, without blanks',
  })
  .optional()
  .meta({
    description: 'The same key and body give the same batch and answer, for at least a day.',
  })

/** For a batch that needs the stock source. */
export const refuseSourceless = ({
  hasStockSource,
  mode,
}: {
  hasStockSource: boolean
  mode: BatchMode
}): void => {
  if (!hasStockSource) {
    const detail = 'sync lines and verify need one; nothing was stored'
    throw new ProblemError('no-stock-source', detail)
  }
  if (mode === 'preview') {
    const message = 'what the stock source will say cannot be previewed'
    throw new ProblemError('invalid-request', message, { errors: [{ path: '/mode', message }] })
  }
}

/** The first request with a key is at work in this or another process. */
export const keyIsRunning = () => {
  const detail = 'the first request with this Idempotency-Key has no answer yet'
  return new ProblemError('idempotency-conflict', detail, { retryAfterSeconds: 1 })
}

type Answering = {
  request: FastifyRequest
  reply: FastifyReply
  enqueuer: Enqueuer
  /** Until the stock source that it needs is tried again. */
  heldSeconds: number
}

/** Answers what became of a batch, and has the queue run it if it is a new one. */
export const answerAccepted = (
  accepted: Accepted,
  { request, reply, enqueuer, heldSeconds }: Answering,
) => {
  if (accepted.outcome === 'running') throw keyIsRunning()
  if (accepted.outcome === 'mismatch') {
    const detail = 'this Idempotency-Key came with another body before'
    throw new ProblemError('idempotency-mismatch', detail)
  }
  const { batch } = accepted
  if (accepted.outcome === 'replayed') reply.header('idempotent-replayed', 'true')
  else enqueuer.enqueue(request.apiKey.tenantId, accepted)
  request.log.info({ batchId: batch.id, lines: batch.counts.total }, `batch ${accepted.outcome}`)
  if (heldSeconds > 0) reply.header('retry-after', Math.ceil(heldSeconds))
  return reply.code(202).header('location', `/v1/batches/${batch.id}`).send(batch)
}

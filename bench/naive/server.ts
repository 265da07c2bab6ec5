import { randomUUID } from 'node:crypto'
import type { Queue } from 'bullmq'
import Fastify, { type FastifyInstance } from 'fastify'
import type { LineJob, SubmittedLine } from './queue.ts'

const bodyLimitBytes = 8 * 1024 * 1024

/** Fastify's own JSON schema validation: compiled, and faster than a validator called a line. */
const body = {
  type: 'object',
  required: ['lines'],
  additionalProperties: false,
  properties: {
    reference: { type: 'string', minLength: 1, maxLength: 128 },
    mode: { type: 'string', enum: ['apply'] },
    negativeStock: { type: 'string', enum: ['allow'] },
    lines: {
      type: 'array',
      minItems: 1,
      maxItems: 10_000,
      items: {
        type: 'object',
        required: ['type', 'sku', 'location', 'quantity'],
        additionalProperties: false,
        properties: {
          type: { type: 'string', enum: ['adjustment'] },
          sku: { type: 'string', minLength: 1, maxLength: 64 },
          location: { type: 'string', minLength: 1, maxLength: 64 },
          quantity: { type: 'number' },
          reason: { type: 'string', minLength: 1, maxLength: 64 },
          reference: { type: 'string', minLength: 1, maxLength: 128 },
          observedAt: { type: 'string', format: 'date-time' },
        },
      },
    },
  },
}

/** Queues a job a line and answers 202. */
export const buildServer = (queue: Queue<LineJob>): FastifyInstance => {
  const app = Fastify({ logger: { level: 'warn' }, bodyLimit: bodyLimitBytes })
  app.post<{ Body: { lines: SubmittedLine[] } }>(
    '/lines',
    { schema: { body } },
    async (request, reply) => {
      const batchId = randomUUID()
      await queue.addBulk(
        request.body.lines.map((line, index) => ({
          name: 'apply-line',
          data: { ...line, batchId, line: index + 1 },
        })),
      )
      return reply.code(202).send({ id: batchId, accepted: request.body.lines.length })
    },
  )
  return app
}

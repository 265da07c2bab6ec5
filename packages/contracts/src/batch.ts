import { z } from 'zod'
import { instantAnswer, scheduledInstant } from './instant.ts'
import { line } from './line.ts'
import { name, nameLengths } from './text.ts'

/** Lines one JSON request may carry. */
export const maxBatchLines = 10_000

export const batchStates = ['accepted', 'processing', 'completed'] as const
export const batchState = z.enum(batchStates)

/** What happens to a line that would take on-hand below zero. */
export const negativeStock = z.enum(['reject', 'allow']).meta({
  description:
    'reject: such a line is rejected as insufficient_stock. allow: on-hand may fall below zero.',
})

/** In the order in which a tenant's own batches are applied, the last one first. */
export const batchPriorities = ['low', 'normal', 'high'] as const
export const batchPriority = z.enum(batchPriorities).meta({
  description:
    'Its place among your own batches that wait: those with a higher priority are applied first.',
})
export type BatchPriority = z.infer<typeof batchPriority>

export const submitBatch = z
  .strictObject({
    reference: name(nameLengths.reference)
      .optional()
      .meta({ description: "The sender's name for the batch." }),
    mode: z.enum(['apply']).default('apply'),
    negativeStock: negativeStock.default('reject'),
    verify: z.boolean().default(false).meta({
      description:
        'Compare counts and the levels that lines leave behind with the stock source; what differs becomes a discrepancy.',
    }),
    priority: batchPriority.default('normal'),
    notBefore: scheduledInstant.optional().meta({
      description:
        'The batch is accepted now, and no line of it is applied before this instant. At most 90 days ahead; an instant that has passed means at once.',
    }),
    lines: z.array(line).min(1).max(maxBatchLines),
  })
  .meta({
    id: 'SubmitBatch',
    examples: [
      {
        reference: '2010-12-01',
        mode: 'apply',
        negativeStock: 'allow',
        lines: [
          {
            type: 'adjustment',
            sku: '85123A',
            location: 'United Kingdom',
            quantity: -6,
            reason: 'sale',
            reference: '536365',
            observedAt: '2010-12-01T08:26:00Z',
          },
        ],
      },
    ],
  })
export type SubmitBatch = z.infer<typeof submitBatch>

export const batchCounts = z
  .object({
    total: z.int(),
    pending: z.int(),
    applied: z.int(),
    rejected: z.int(),
    held: z.int(),
    dead: z.int(),
    cancelled: z.int(),
  })
  .meta({ id: 'BatchCounts', description: 'In lines. The six after total always add up to it.' })

export const batch = z
  .object({
    id: z.uuid(),
    reference: z.string().nullable(),
    mode: z.enum(['apply']),
    negativeStock,
    priority: batchPriority,
    notBefore: instantAnswer.nullable(),
    state: batchState,
    counts: batchCounts,
    createdAt: instantAnswer,
    completedAt: instantAnswer.nullable(),
  })
  .meta({ id: 'Batch' })
export type Batch = z.infer<typeof batch>

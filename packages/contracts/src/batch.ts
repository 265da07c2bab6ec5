import { z } from 'zod'
import { instantAnswer, scheduledInstant } from './instant.ts'
import { line } from './line.ts'
import { name, nameLengths } from './text.ts'

/** Lines one JSON request may carry. */
export const maxBatchLines = 10_000

/**
 * `previewed`: planned, and applied when asked for. `awaiting_approval`: its plan exceeds a limit of
 * the guard. `cancelled`: called off or refused; what was applied before stays applied.
 */
export const batchStates = [
  'accepted',
  'processing',
  'previewed',
  'awaiting_approval',
  'completed',
  'cancelled',
] as const
export const batchState = z.enum(batchStates)
export type BatchState = z.infer<typeof batchState>

export const batchMode = z.enum(['apply', 'preview']).meta({
  description:
    'preview: nothing is changed; what would become of each line can be read, and applied later by its plan hash.',
})
export type BatchMode = z.infer<typeof batchMode>

/** Of a batch that is applied by a plan. */
export const onConflict = z.enum(['rebase', 'reject']).meta({
  description:
    'What becomes of a line whose level moved since it was planned. rebase: it is applied to the level as it is now. reject: it is rejected as level_moved.',
})
export type OnConflict = z.infer<typeof onConflict>

/** Checked again when it is called: what a name resolves to may change. */
export const callbackUrl = z
  .url({ protocol: /^https?$/, normalize: true, error: 'must be an http or https URL' })
  .max(2048)
  // It would end up in logs and lists.
  .refine((url) => !/^https?:[/]{2}[^/?#]*@/.test(url), {
    error: 'must be without user and password',
  })
  .meta({
    description:
      'Where a signed webhook is sent when the batch needs someone or is done. Private addresses are refused.',
    examples: ['https://example.com/hooks/inventory'],
  })

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
    mode: batchMode.default('apply'),
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
    callbackUrl: callbackUrl.optional(),
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

/** SHA-256 of all that a plan would do. */
export const planHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, { error: 'must be 64 hexadecimal digits' })
  .meta({ id: 'PlanHash' })

export const decision = z.enum(['approve', 'reject'])

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
    mode: batchMode,
    negativeStock,
    priority: batchPriority,
    notBefore: instantAnswer.nullable(),
    state: batchState,
    counts: batchCounts,
    planHash: planHash.nullable().meta({
      description: 'Of a batch that is previewed or awaits approval: what apply takes.',
    }),
    guardFindings: z
      .array(z.string())
      .nullable()
      .meta({
        description: 'The limits that its plan exceeds.',
        examples: [['units']],
      }),
    decision: z
      .object({ decision, by: z.string(), at: instantAnswer })
      .nullable()
      .meta({ description: 'Who approved or rejected it.' }),
    cancelRequestedAt: instantAnswer.nullable(),
    reverses: z.uuid().nullable().meta({ description: 'The batch that this one compensates.' }),
    submittedBy: z.string().nullable().meta({ description: 'The id of its sender’s key.' }),
    createdAt: instantAnswer,
    completedAt: instantAnswer.nullable(),
  })
  .meta({ id: 'Batch' })
export type Batch = z.infer<typeof batch>

import { z } from 'zod'
import { decision, onConflict, planHash } from './batch.ts'
import { lineTypes } from './line.ts'
import { quantityAnswer } from './quantity.ts'
import { name } from './text.ts'

/** What a plan would do to one level. */
export const plannedMovement = z
  .object({
    location: z.string(),
    quantity: quantityAnswer,
    before: quantityAnswer,
    after: quantityAnswer,
    version: z.int().meta({ description: 'The version of the level that it was planned on.' }),
  })
  .meta({ id: 'PlannedMovement' })

export const plannedLine = z
  .object({
    line: z.int().meta({ description: 'Its place in the request, from 1.' }),
    outcome: z.enum(['applied', 'rejected']).meta({ description: 'What would become of it.' }),
    code: z.string().nullable(),
    detail: z.string().nullable(),
    type: z.enum(lineTypes),
    sku: z.string(),
    location: z.string(),
    reference: z.string().nullable(),
    movements: z.array(plannedMovement),
  })
  .meta({ id: 'PlannedLine' })
export type PlannedLine = z.infer<typeof plannedLine>

export const applyPlan = z
  .strictObject({ planHash, onConflict: onConflict.default('reject') })
  .meta({
    id: 'ApplyPlan',
    examples: [
      {
        planHash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        onConflict: 'rebase',
      },
    ],
  })

export const decideBatch = z
  .strictObject({
    decision: decision.default('approve'),
    onConflict: onConflict.default('rebase').meta({
      description: 'As of apply; of a preview that was applied, what was asked for then counts.',
    }),
  })
  .meta({ id: 'DecideBatch', examples: [{ decision: 'approve' }] })

export const reverseBatch = z
  .strictObject({
    reference: name(128).optional(),
    mode: z.enum(['apply', 'preview']).default('apply'),
    laterMovements: z.enum(['flag', 'refuse']).default('refuse').meta({
      description:
        'Of lines whose level was moved by others since. flag: they are reversed all the same, and marked rebased. refuse: they are rejected as level_moved.',
    }),
  })
  .meta({ id: 'ReverseBatch', examples: [{ mode: 'preview', laterMovements: 'refuse' }] })
export type ReverseBatch = z.infer<typeof reverseBatch>

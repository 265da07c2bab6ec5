import { z } from 'zod'
import { lineTypes } from './line.ts'
import { quantityAnswer } from './quantity.ts'

/** How a line may end. Every accepted line ends in exactly one of these. */
export const outcomes = ['applied', 'rejected', 'held', 'dead', 'cancelled'] as const
export const outcome = z.enum(outcomes)
export type Outcome = z.infer<typeof outcome>

export const lineMovement = z
  .object({ location: z.string(), quantity: quantityAnswer, onHandAfter: quantityAnswer })
  .meta({ id: 'LineMovement' })

export const lineOutcome = z
  .object({
    line: z.int().meta({ description: 'Its place in the request, from 1.' }),
    outcome,
    code: z.string().nullable().meta({
      description:
        'Why it was not applied; rebased for one that was, though its level had moved since it was planned.',
    }),
    detail: z.string().nullable(),
    type: z.enum(lineTypes).nullable().meta({ description: 'Null if the line could not be read.' }),
    sku: z.string(),
    location: z.string(),
    reference: z.string().nullable(),
    movements: z
      .array(lineMovement)
      .meta({ description: 'Two for a transfer, none if not applied.' }),
  })
  .meta({ id: 'LineOutcome' })
export type LineOutcome = z.infer<typeof lineOutcome>

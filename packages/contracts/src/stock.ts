import { z } from 'zod'
import { instantAnswer } from './instant.ts'
import { lineTypes } from './line.ts'
import { quantityAnswer } from './quantity.ts'

export const stockLevel = z
  .object({
    sku: z.string(),
    location: z.string(),
    onHand: quantityAnswer,
    version: z.int().meta({ description: 'How many movements made this level.' }),
    updatedAt: instantAnswer,
  })
  .meta({ id: 'StockLevel' })
export type StockLevel = z.infer<typeof stockLevel>

export const provenance = z
  .object({
    name: z.enum(['primary', 'backup']),
    asOf: instantAnswer.meta({ description: 'The moment for which the source answered.' }),
    failedOverBecause: z
      .string()
      .nullable()
      .meta({ description: 'Why it was not the primary.', examples: ['timeout'] }),
  })
  .meta({ id: 'Provenance' })

export const movement = z
  .object({
    batchId: z.uuid(),
    line: z.int(),
    type: z.enum(lineTypes),
    sku: z.string(),
    location: z.string(),
    quantity: quantityAnswer.meta({ description: 'Signed: what was added to on-hand.' }),
    onHandAfter: quantityAnswer,
    version: z.int().meta({ description: "The level's version this movement made." }),
    reason: z.string().nullable(),
    reference: z.string().nullable(),
    source: provenance.nullable().meta({ description: 'Of a sync: where it was read.' }),
    occurredAt: instantAnswer.meta({
      description: 'observedAt or countedAt, of a sync its asOf; else when accepted.',
    }),
    recordedAt: instantAnswer,
  })
  .meta({ id: 'Movement' })
export type Movement = z.infer<typeof movement>

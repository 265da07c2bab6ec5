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
    occurredAt: instantAnswer.meta({ description: 'observedAt or countedAt; else when accepted.' }),
    recordedAt: instantAnswer,
  })
  .meta({ id: 'Movement' })
export type Movement = z.infer<typeof movement>

import { z } from 'zod'
import { pastInstant } from './instant.ts'
import { quantity, unitValue, unsignedQuantity } from './quantity.ts'
import { location, name, nameLengths, sku } from './text.ts'

const common = {
  sku,
  location,
  reason: name(nameLengths.reason)
    .optional()
    .meta({ description: 'Why the stock changed.', examples: ['sale'] }),
  reference: name(nameLengths.reference)
    .optional()
    .meta({ description: "The sender's own document number.", examples: ['536365'] }),
  unitValue: unitValue.optional(),
}

export const adjustmentLine = z
  .strictObject({
    type: z.literal('adjustment'),
    ...common,
    quantity,
    observedAt: pastInstant
      .optional()
      .meta({ description: 'When it happened; else when it was accepted.' }),
    expectedOnHand: quantity.optional().meta({
      description: 'Compare-and-set: the line is rejected if on-hand differs.',
    }),
  })
  .meta({ id: 'AdjustmentLine', description: 'A signed quantity added to on-hand.' })

export const countLine = z
  .strictObject({
    type: z.literal('count'),
    ...common,
    quantity: unsignedQuantity,
    countedAt: pastInstant,
  })
  .meta({
    id: 'CountLine',
    description:
      'What was counted at countedAt. Movements after that moment are kept; a count older than the last one is rejected.',
  })

export const transferLine = z
  .strictObject({
    type: z.literal('transfer'),
    ...common,
    toLocation: location,
    quantity: unsignedQuantity,
    observedAt: pastInstant
      .optional()
      .meta({ description: 'When it happened; else when it was accepted.' }),
  })
  .refine((line) => line.location !== line.toLocation, {
    path: ['toLocation'],
    error: 'must differ from location',
  })
  .meta({
    id: 'TransferLine',
    description: 'A quantity moved between two locations: both movements or neither.',
  })

export const syncLine = z.strictObject({ type: z.literal('sync'), ...common }).meta({
  id: 'SyncLine',
  description:
    'On-hand is read from the stock source, and the ledger follows it. Movements after the moment of that reading are kept.',
})

/** One stock change as its sender states it. */
export const line = z
  .discriminatedUnion('type', [adjustmentLine, countLine, transferLine, syncLine])
  .meta({ id: 'Line' })

export type Line = z.infer<typeof line>
/** All that any of them may say. */
export const lineFields = [
  'type',
  'sku',
  'location',
  'toLocation',
  'quantity',
  'reason',
  'reference',
  'observedAt',
  'countedAt',
  'expectedOnHand',
  'unitValue',
] as const
export type LineField = (typeof lineFields)[number]
export const lineTypes = ['adjustment', 'count', 'transfer', 'sync'] as const

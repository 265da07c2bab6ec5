import { z } from 'zod'
import { unsignedQuantity } from './quantity.ts'

/** In percent. */
const percentage = z.number().positive().max(1_000_000)

/** A batch whose plan exceeds one of these awaits approval; without any, none does. */
export const guard = z
  .strictObject({
    maxUnits: unsignedQuantity
      .optional()
      .meta({ description: 'Units moved by all lines together, up or down.' }),
    maxValue: unsignedQuantity
      .optional()
      .meta({ description: 'The same in value, where lines say what a unit is worth.' }),
    maxLevelPercent: percentage.optional().meta({
      description: 'The change of any one level that was not zero, in percent of what it was.',
    }),
    maxZeroedPercent: z.number().min(0).max(100).optional().meta({
      description:
        'Levels that were above zero and would not be afterwards, in percent of all that the batch touches.',
    }),
  })
  .meta({ id: 'Guard', examples: [{ maxUnits: 10_000, maxZeroedPercent: 5 }] })
export type Guard = z.infer<typeof guard>

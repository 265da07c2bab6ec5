import { z } from 'zod'
import { instantAnswer } from './instant.ts'
import { quantityAnswer } from './quantity.ts'
import { provenance } from './stock.ts'
import { name } from './text.ts'

export const discrepancyKinds = ['count', 'source'] as const

export const discrepancy = z
  .object({
    id: z.uuid(),
    kind: z.enum(discrepancyKinds).meta({
      description:
        'count: a count found something else than the ledger had. source: the ledger has something else than the stock source says.',
    }),
    sku: z.string(),
    location: z.string(),
    expected: quantityAnswer.meta({
      description: 'By the ledger for a count, else by the source.',
    }),
    found: quantityAnswer.meta({ description: 'By the count, else in the ledger.' }),
    source: provenance.nullable(),
    batchId: z.uuid(),
    line: z.int(),
    ageSeconds: z.int(),
    openedAt: instantAnswer,
    owner: z.string().nullable(),
    acknowledgedAt: instantAnswer.nullable(),
    recounts: z.int().meta({ description: 'How often the source was asked again by itself.' }),
    resolvedAt: instantAnswer.nullable(),
    resolution: z
      .string()
      .nullable()
      .meta({ description: '"agreed" when it went away by itself.' }),
    recountBatchId: z.uuid().nullable(),
  })
  .meta({ id: 'Discrepancy' })
export type Discrepancy = z.infer<typeof discrepancy>

export const acknowledgeRequest = z
  .strictObject({ owner: name(128).meta({ description: 'Who looks after it.' }) })
  .meta({ id: 'AcknowledgeRequest', examples: [{ owner: 'Night shift, Leeds' }] })

export const resolveRequest = z
  .strictObject({
    resolution: name(1_000).meta({ description: 'What was found out, in your words.' }),
    followSource: z.boolean().default(false).meta({
      description: 'Also submit a sync of this level, so that the ledger follows the source.',
    }),
  })
  .meta({
    id: 'ResolveRequest',
    examples: [{ resolution: 'counted again: two were damaged', followSource: true }],
  })

import { z } from 'zod'
import { submitBatch } from './batch.ts'
import { type LineField, lineFields, lineTypes } from './line.ts'
import { name, nameLengths } from './text.ts'
import { timeZone } from './time-zone.ts'

/** Bodies that are read line by line, and may be larger than memory. */
export const uploadTypes = ['text/csv', 'application/x-ndjson'] as const
export type UploadType = (typeof uploadTypes)[number]

/** Header names by field: a name may hold commas and colons, so that only a field's name begins a pair. */
export type Columns = Partial<Record<LineField, string>>
const pair = new RegExp(`(?:^|,)(${lineFields.join('|')}):`)

const columns = z
  .string()
  .max(2_048)
  .transform((text, context): Columns => {
    const [before, ...rest] = text.split(pair)
    const named: Columns = {}
    for (let index = 0; index < rest.length; index += 2) {
      const [field, header] = [rest[index] as LineField, rest[index + 1] ?? '']
      if (header === '' || named[field] !== undefined) context.addIssue(columnsFault)
      named[field] = header
    }
    if (before !== '' || rest.length === 0) context.addIssue(columnsFault)
    return named
  })
const columnsFault = {
  code: 'custom',
  message: `must be pairs of a field and a header, as sku:StockCode,quantity:Quantity; fields are ${lineFields.join(', ')}`,
} as const

const isOneCharacter = (value: string) => /^[\x20-\x7e\t]$/.test(value) && value !== '"'
const flag = z.enum(['true', 'false'])
const { verify: _, lines: __, ...batchOptions } = submitBatch.shape

/** How a CSV file is read. */
const csvOptions = {
  delimiter: z
    .string()
    .refine(isOneCharacter, { error: 'must be one ASCII character, and no quote' })
    .optional()
    .meta({ description: 'Between fields; else a comma.', examples: [';'] }),
  columns: columns.optional().meta({
    description:
      'Which header a field is found under, where it is not the name of the field. Columns that are not named are ignored.',
    examples: ['sku:StockCode,location:Country,quantity:Quantity'],
  }),
  encoding: z.enum(['utf-8', 'windows-1252']).optional(),
  decimal: z
    .enum(['point', 'comma'])
    .optional()
    .meta({ description: 'What stands before the decimal places; else a point.' }),
  negate: flag.optional().meta({
    description: 'Adjustments are sent with the other sign: what was sold as a positive quantity.',
  }),
  dates: z.enum(['ymd', 'dmy', 'mdy']).optional().meta({
    description:
      'The order in dates without a zone, such as 2010-12-01 08:26 (ymd, the default), 1/12/2010 (dmy) or 12/1/2010 (mdy).',
  }),
  timeZone: timeZone.optional().meta({
    description: 'Of dates without a zone; else UTC.',
    examples: ['Europe/London'],
  }),
  type: z
    .enum(lineTypes)
    .optional()
    .meta({ description: 'Of lines that do not say; else adjustment.' }),
  location: name(nameLengths.location)
    .optional()
    .meta({ description: 'Of lines that do not say.' }),
  toLocation: name(nameLengths.location)
    .optional()
    .meta({ description: 'Of transfers that do not say.' }),
  reason: name(nameLengths.reason).optional().meta({ description: 'Of lines that do not say.' }),
  observedAt: z.string().max(40).optional().meta({ description: 'Of lines that do not say.' }),
  countedAt: z.string().max(40).optional().meta({ description: 'Of counts that do not say.' }),
}
export type CsvOptions = z.infer<z.ZodObject<typeof csvOptions>>

/** What a JSON request says beside its lines, and how a file is read: in the query of an upload. */
export const uploadQuery = z.strictObject({
  ...batchOptions,
  verify: flag.default('false'),
  ...csvOptions,
})
export const csvOptionNames = Object.keys(csvOptions) as (keyof CsvOptions)[]

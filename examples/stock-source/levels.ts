import { readFile } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'
import { z } from 'zod'

const onHand = z.union([z.number(), z.string().regex(/^-?\d{1,12}(\.\d{1,3})?$/)])

/** What is in stock of one SKU at one location; null: the stock system does not know. */
export const level = z.strictObject({
  sku: z.string().min(1),
  location: z.string().min(1),
  onHand: onHand.nullable(),
  /** The moment the number holds for, where it is not the moment of the answer. */
  asOf: z.iso.datetime({ offset: true }).optional(),
})

export type Level = z.infer<typeof level>

const row = level.extend({
  onHand: z.preprocess((text) => (text === '' ? null : text), onHand.nullable()),
  asOf: z.preprocess((text) => (text === '' ? undefined : text), level.shape.asOf),
})

/**
 * Reads a CSV file with the columns `sku,location,onHand[,asOf]`. An empty `onHand` is unknown.
 * @throws ZodError naming the row and column that is wrong
 */
export const readLevels = async (path: string): Promise<Level[]> =>
  z.array(row).parse(parse(await readFile(path), { columns: true, bom: true, trim: true }))

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { lineTypes, type Line as SentLine } from '@inventoryrpa/contracts'
import {
  type Expectation,
  type Line,
  levelKey,
  parseQuantity,
  type Reading,
} from '@inventoryrpa/inventory'

/**
 * A chunk's lines as they are kept: as sent. Without `numbers` they are a whole request in its order,
 * so that the body of a request that makes one chunk is stored as it came, byte for byte.
 */
type StoredLines = { numbers?: number[]; lines: StoredLine[] }

/** A line of a reversal also says what the levels were when its batch was done with them. */
export type StoredLine = SentLine & { reverses?: Expectation }

/** Level 1: the rows shrink about tenfold, for a fraction of what writing them whole costs PostgreSQL. */
const fastest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/**
 * Picks a chunk's lines out of more, by index, as bytes to store.
 * @param numbers the lines' places in the request, where they are not simply their order
 */
export const storeLines = (
  lines: readonly StoredLine[],
  indexes: readonly number[],
  numbers?: readonly number[],
): Buffer => {
  const stored: StoredLines = {
    numbers: indexes.map((index) => numbers?.[index] ?? index + 1),
    lines: indexes.map((index) => lines[index] as StoredLine),
  }
  return storeBody(Buffer.from(JSON.stringify(stored)))
}

/** A whole request as bytes to store. Not in the thread pool: getting there and back takes longer. */
export const storeBody = (body: Buffer): Buffer => zstdCompressSync(body, fastest)

/** What storeBody made bytes of. */
export const readSegment = (stored: Buffer): string => zstdDecompressSync(stored).toString()

/** A sync cannot be applied without what the source says. */
export class SourceNotReadError extends Error {
  readonly code = 'SOURCE_NOT_READ'
  override readonly name = 'SourceNotReadError'
}

/** A line of a type that a later release accepted: only a worker that knows it can tell what it means. */
export class UnknownLineTypeError extends Error {
  readonly code = 'UNKNOWN_LINE_TYPE'
  readonly retryable = false
  override readonly name = 'UnknownLineTypeError'
}

/** What lines were planned on, by their numbers. */
export type Plans = ReadonlyMap<number, Expectation>

/** What the stock source said, by level key. */
export type Readings = ReadonlyMap<string, Reading>

/**
 * Reads them as the rules want them.
 * @param acceptedAt epoch ms: when a line that does not say so happened
 * @throws SourceNotReadError for a sync of a level that was not read, UnknownLineTypeError
 */
export const readLines = (
  stored: Buffer,
  acceptedAt: number,
  readings?: Readings,
  plans?: Plans,
): Line[] => {
  const { numbers, lines } = readStored(stored)
  return lines.map((line, index) => {
    const number = numbers?.[index] ?? index + 1
    const read = readLine(line, number, acceptedAt, readings)
    const { reverses } = line
    const plan = plans?.get(number)
    if (!reverses && !plan) return read
    return { ...read, expectations: [reverses, plan].filter((it) => it !== undefined) }
  })
}

export type NumberedLine = SentLine & { number: number }

/** The lines as they were sent, with their places in the request. */
export const readNumbered = (stored: Buffer): NumberedLine[] => {
  const { numbers, lines } = readStored(stored)
  return lines.map((line, index) => ({ ...line, number: numbers?.[index] ?? index + 1 }))
}

/** The lines as they were sent. */
export const readStored = (stored: Buffer): StoredLines =>
  JSON.parse(zstdDecompressSync(stored).toString())

const readLine = (
  line: SentLine,
  number: number,
  acceptedAt: number,
  readings: Readings | undefined,
): Line => {
  const { sku, location, reason, reference } = line
  if (!lineTypes.includes(line.type)) {
    throw new UnknownLineTypeError(`line ${number} is of a type this release does not know`)
  }
  if (line.type === 'sync') {
    const reading = readings?.get(levelKey(sku, location))
    if (!reading) throw new SourceNotReadError(`the stock source was not asked for ${sku}`)
    const occurredAt = reading.asOf
    return { type: 'sync', number, sku, location, reason, reference, occurredAt, reading }
  }
  const quantity = parseQuantity(line.quantity)
  const unitValue = line.unitValue === undefined ? undefined : parseQuantity(line.unitValue)
  if (line.type === 'count') {
    const occurredAt = Date.parse(line.countedAt)
    const common = { number, sku, location, reason, reference, quantity, occurredAt, unitValue }
    return { type: 'count', ...common }
  }
  const occurredAt = line.observedAt === undefined ? acceptedAt : Date.parse(line.observedAt)
  const common = { number, sku, location, reason, reference, quantity, occurredAt, unitValue }
  if (line.type === 'transfer') return { type: 'transfer', ...common, toLocation: line.toLocation }
  const { expectedOnHand } = line
  return expectedOnHand === undefined
    ? { type: 'adjustment', ...common }
    : { type: 'adjustment', ...common, expectedOnHand: parseQuantity(expectedOnHand) }
}

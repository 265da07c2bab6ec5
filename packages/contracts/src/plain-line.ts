import { isPastInstant } from './instant.ts'
import { isDecimal, isNotNegative, quantityDigits } from './quantity.ts'
import { nameLengths } from './text.ts'

/**
 * Whether a line is as nearly all are. True only for what `line` accepts and leaves as it is; false
 * says nothing. By hand, since it runs for every line there is.
 * @param line as JSON.parse made it: no getters, no inherited fields
 * @param now as toISOString writes it
 */
export const isPlainLine = (line: unknown, now: string): boolean => {
  if (typeof line !== 'object' || line === null) return false
  const { type, sku, location, quantity, reason, reference } = line as Fields
  const { observedAt, expectedOnHand, countedAt, toLocation, unitValue } = line as Fields
  const isCommonPlain =
    isPlainName(sku, nameLengths.sku) &&
    isPlainName(location, nameLengths.location) &&
    isPlainQuantity(quantity) &&
    (reason === undefined || isPlainName(reason, nameLengths.reason)) &&
    (reference === undefined || isPlainName(reference, nameLengths.reference)) &&
    (unitValue === undefined || (isPlainQuantity(unitValue) && isNotNegative(unitValue)))
  if (!isCommonPlain) return false

  const given = 4 + one(reason) + one(reference) + one(unitValue)
  switch (type) {
    case 'adjustment':
      return (
        (observedAt === undefined || isPastInstant(observedAt, now)) &&
        (expectedOnHand === undefined || isPlainQuantity(expectedOnHand)) &&
        hasFields(line, given + one(observedAt) + one(expectedOnHand))
      )
    case 'count':
      return isNotNegative(quantity) && isPastInstant(countedAt, now) && hasFields(line, given + 1)
    case 'transfer':
      return (
        isNotNegative(quantity) &&
        isPlainName(toLocation, nameLengths.location) &&
        toLocation !== location &&
        (observedAt === undefined || isPastInstant(observedAt, now)) &&
        hasFields(line, given + 1 + one(observedAt))
      )
    default:
      return false
  }
}

type Fields = Readonly<Record<string, unknown>>

const one = (value: unknown) => (value === undefined ? 0 : 1)

/** With as many fields as are known, none is unknown. */
const hasFields = (line: object, known: number): boolean => {
  let count = 0
  for (const _ in line) count++
  return count === known
}

/**
 * Up to U+167F (Latin, Greek, Cyrillic and their neighbours) each code unit is a character of its own,
 * and there are no control characters but those up to 0x1f and from 0x7f to 0x9f.
 */
const isPlainName = (value: unknown, maxLength: number): boolean => {
  if (typeof value !== 'string') return false
  const { length } = value
  if (length === 0 || length > maxLength) return false
  for (let index = 0; index < length; index++) {
    const code = value.charCodeAt(index)
    if (code < 0x20 || (code > 0x7e && code < 0xa0) || code > 0x167f) return false
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(length - 1))
}

/** Of the characters up to U+167F. */
const isBlank = (code: number) => code === 0x20 || code === 0xa0

const wholeLimit = 10 ** quantityDigits

const isPlainQuantity = (value: unknown): value is number | string =>
  typeof value === 'number'
    ? (Number.isInteger(value) && value > -wholeLimit && value < wholeLimit) || isDecimal(value)
    : typeof value === 'string' && isDecimal(value)

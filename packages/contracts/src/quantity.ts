import { z } from 'zod'

/** Before the point and after it: 15 significant digits at most, which survive a JSON number. */
export const quantityDigits = 12
const quantityPlaces = 3

const decimal = new RegExp(
  `^-?(?:0|[1-9]\\d{0,${quantityDigits - 1}})(?:\\.\\d{1,${quantityPlaces}})?$`,
)

/** What is allowed, in words, for messages and the OpenAPI document. */
const allowed = `a decimal with at most ${quantityDigits} digits before and ${quantityPlaces} after the point, as a JSON number or a string, without exponent`

export const isDecimal = (value: number | string) =>
  decimal.test(typeof value === 'string' ? value : String(value))

/** A signed quantity in units of stock. Exact: it is never computed with as a float. */
export const quantity = z
  .union([z.number(), z.string()], { error: `must be ${allowed}` })
  .refine(isDecimal, { error: `must be ${allowed}`, abort: true })
  .meta({ id: 'Quantity', description: `Units of stock: ${allowed}.`, examples: [-6, '2.5'] })

export const isNotNegative = (value: number | string) => Number(value) >= 0

/** A counted or transferred amount: never below zero. */
export const unsignedQuantity = quantity
  .refine(isNotNegative, { error: 'must not be negative' })
  .meta({
    id: 'UnsignedQuantity',
    description: 'A quantity of zero or more.',
    examples: [12, '2.5'],
  })

/** Money is counted in the sender's own currency, with the places of a quantity. */
export const unitValue = quantity.refine(isNotNegative, { error: 'must not be negative' }).meta({
  id: 'UnitValue',
  description: 'What one unit is worth, for the guard’s limit on value.',
  examples: ['2.55'],
})

/** How quantities are answered: always a decimal string, so that no reader rounds them. */
export const quantityAnswer = z
  .string()
  .meta({ id: 'QuantityAnswer', description: 'An exact decimal.', examples: ['-6', '2.5'] })

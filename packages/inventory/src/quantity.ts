/** Stock in thousandths of a unit. Integers, so that sums are exact at any size. */
export type Thousandths = bigint

/** On-hand beyond this magnitude does not fit the ledger's numeric(18,3). */
export const maxOnHand: Thousandths = 10n ** 18n - 1n

const decimal = /^-?\d+(?:\.\d{1,3})?$/

/** Reads a decimal with at most three places, as the contracts allow it. @throws RangeError for anything else */
export const parseQuantity = (value: number | string): Thousandths => {
  const text = String(value)
  if (!decimal.test(text)) throw new RangeError(`not a quantity: ${text}`)
  const point = text.indexOf('.')
  if (point === -1) return BigInt(text) * 1000n
  return BigInt(text.slice(0, point) + text.slice(point + 1).padEnd(3, '0'))
}

/** Writes it as the shortest exact decimal: 1500n is "1.5". */
export const formatQuantity = (value: Thousandths): string => {
  if (value % 1000n === 0n) return String(value / 1000n)
  const magnitude = value < 0n ? -value : value
  const places = String(magnitude % 1000n)
    .padStart(3, '0')
    .replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${magnitude / 1000n}.${places}`
}

import { levelKey } from './line.ts'
import type { Thousandths } from './quantity.ts'

/** What one line of a batch moved: `to` for a transfer's receiving level. */
export type Moved = {
  readonly line: number
  readonly sku: string
  readonly reference: string | undefined
  /** Of the level, signed. */
  readonly quantity: Thousandths
  readonly location: string
  /** The version that the batch's last movement gave the level. */
  readonly lastVersion: number
  readonly to?: { readonly location: string; readonly lastVersion: number } | undefined
}

type Common = {
  /** The number of the line that it reverses. */
  readonly number: number
  readonly sku: string
  readonly location: string
  readonly quantity: Thousandths
  readonly reference: string | undefined
  /** The versions that the levels have at its turn if nobody else moved them since. */
  readonly versions: readonly number[]
}
export type Reversal =
  | ({ readonly type: 'adjustment' } & Common)
  | ({ readonly type: 'transfer'; readonly toLocation: string } & Common)

/**
 * What undoes the movements of one SKU, the last line first, so that its levels go back through what they
 * were. A count is undone by an adjustment of its variance.
 * @param moved in descending order of lines
 */
export const reverseMovements = (moved: readonly Moved[]): Reversal[] => {
  const undone = new Map<string, number>()
  const versionAt = (sku: string, location: string, lastVersion: number) => {
    const key = levelKey(sku, location)
    const before = undone.get(key) ?? 0
    undone.set(key, before + 1)
    return lastVersion + before
  }
  return moved.map(({ line, sku, location, quantity, reference, lastVersion, to }) => {
    const version = versionAt(sku, location, lastVersion)
    const common = { number: line, sku, reference }
    if (!to) {
      return { type: 'adjustment', ...common, location, quantity: -quantity, versions: [version] }
    }
    const versions = [versionAt(sku, to.location, to.lastVersion), version]
    return {
      type: 'transfer',
      ...common,
      location: to.location,
      toLocation: location,
      quantity: -quantity,
      versions,
    }
  })
}

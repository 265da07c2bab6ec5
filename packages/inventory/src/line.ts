import type { Thousandths } from './quantity.ts'

type Common = {
  /** Its place in the request, from 1. */
  readonly number: number
  readonly sku: string
  readonly location: string
  /** Epoch milliseconds: when it happened or was counted; else when the batch was accepted. */
  readonly occurredAt: number
  readonly reason?: string | undefined
  readonly reference?: string | undefined
  /** What one unit is worth, in thousandths. */
  readonly unitValue?: Thousandths | undefined
  /** The levels as they were when this line was thought of. */
  readonly expectations?: readonly Expectation[] | undefined
}

/** The versions of the levels that a line touches (of a transfer: from, to), and what if they moved. */
export type Expectation = {
  readonly versions: readonly number[]
  readonly onConflict: 'rebase' | 'reject'
}

export type Adjustment = Common & {
  readonly type: 'adjustment'
  readonly quantity: Thousandths
  readonly expectedOnHand?: Thousandths | undefined
}
export type Count = Common & { readonly type: 'count'; readonly quantity: Thousandths }
export type Transfer = Common & {
  readonly type: 'transfer'
  readonly toLocation: string
  readonly quantity: Thousandths
}

/** What a stock source said of a level. */
export type Reading = {
  readonly source: 'primary' | 'backup'
  /** Epoch milliseconds for which it holds. */
  readonly asOf: number
  /** Why it is not the primary's. */
  readonly failoverCode: string | undefined
  /** Null: the source does not know the level. */
  readonly onHand: Thousandths | null
  /** Too old to be believed. */
  readonly stale: boolean
}
/** It occurs at the moment of its reading. */
export type Sync = Common & { readonly type: 'sync'; readonly reading: Reading }

/** A stock change as the rules read it. */
export type Line = Adjustment | Count | Transfer | Sync

/** One stock level's identity. The separator cannot occur in either part: both are without control characters. */
export const levelKey = (sku: string, location: string) => `${sku}\u0000${location}`

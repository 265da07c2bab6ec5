import { levelKey, parseQuantity, type Reading } from '@inventoryrpa/inventory'
import type { Readings } from '@inventoryrpa/ledger'

type Said = { asOf: string; stale?: boolean; source?: Reading['source']; failoverCode?: string }

/** What a stock source says of levels, by "SKU/location"; null for what it does not know. */
export const readings = (
  onHand: Record<string, number | string | null>,
  { asOf, stale = false, source = 'primary', failoverCode }: Said,
): Readings =>
  new Map(
    Object.entries(onHand).map(([level, quantity]) => {
      const [sku = '', location = ''] = level.split('/')
      return [
        levelKey(sku, location),
        {
          source,
          asOf: Date.parse(asOf),
          failoverCode,
          stale,
          onHand: quantity === null ? null : parseQuantity(quantity),
        },
      ]
    }),
  )

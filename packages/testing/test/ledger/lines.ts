import type { Line } from '@inventoryrpa/contracts'

type Of<Type extends Line['type']> = Extract<Line, { type: Type }>

export const adjustment = (
  sku: string,
  quantity: number | string,
  more: Partial<Of<'adjustment'>> = {},
): Line => ({ type: 'adjustment', sku, location: 'Leeds', quantity, ...more })

export const count = (
  sku: string,
  quantity: number | string,
  countedAt: string,
  more: Partial<Of<'count'>> = {},
): Line => ({ type: 'count', sku, location: 'Leeds', quantity, countedAt, ...more })

/** From Leeds to Paris. */
export const transfer = (
  sku: string,
  quantity: number | string,
  more: Partial<Of<'transfer'>> = {},
): Line => ({ type: 'transfer', sku, location: 'Leeds', toLocation: 'Paris', quantity, ...more })

export const sync = (sku: string, more: Partial<Of<'sync'>> = {}): Line => ({
  type: 'sync',
  sku,
  location: 'Leeds',
  ...more,
})

/** A moment of one day long ago. */
export const atHour = (hour: number) => `2020-05-05T${String(hour).padStart(2, '0')}:00:00.000Z`

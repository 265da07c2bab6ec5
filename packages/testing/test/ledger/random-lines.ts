import type { Line } from '@inventoryrpa/contracts'
import { adjustment, count, transfer } from './lines.ts'

/** The same numbers for the same seed, each at least 0 and below the one asked for (mulberry32). */
export const generator = (seed: number) => {
  let state = seed
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const places = ['Leeds', 'Paris', 'Rome'] as const

/** Lines over few levels and few moments, so that they collide; all say when they happened. */
export const randomLines = (random: (below: number) => number, length: number): Line[] =>
  Array.from({ length }, () => {
    const sku = `S${random(5)}`
    const location = places[random(3)] as string
    const at = new Date(Date.UTC(2020, 4, 5, 0, random(60))).toISOString()
    const quantity = `${random(9)}.${random(1_000).toString().padStart(3, '0')}`
    const kind = random(10)
    if (kind < 2) return count(sku, quantity, at, { location })
    if (kind < 5) {
      const toLocation = places[(places.indexOf(location as 'Leeds') + 1 + random(2)) % 3] as string
      return transfer(sku, quantity, { location, toLocation, observedAt: at })
    }
    const signed = kind < 7 && Number(quantity) > 0 ? `-${quantity}` : quantity
    return adjustment(sku, signed, { location, observedAt: at })
  })

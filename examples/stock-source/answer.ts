import type { Level } from './levels.ts'

export type Key = { sku: string; location: string }
export type Answer = { asOf: string; items: Level[] }

const keyOf = ({ sku, location }: Key) => JSON.stringify([sku, location])

/** The levels that are asked for, by key. */
export const indexLevels = (levels: readonly Level[]): Map<string, Level> =>
  new Map(levels.map((level) => [keyOf(level), level]))

/** Every key exactly once; null where nothing is known of it. */
export const answerFor = (levels: ReadonlyMap<string, Level>, keys: readonly Key[]): Answer => ({
  asOf: new Date().toISOString(),
  items: keys.map((key) => levels.get(keyOf(key)) ?? { ...key, onHand: null }),
})

/** The same numbers, said to hold for an earlier moment. */
export const lagging = (answer: Answer, lagMs: number): Answer => {
  const earlier = (asOf: string) => new Date(Date.parse(asOf) - lagMs).toISOString()
  const items = answer.items.map((item) =>
    item.asOf === undefined ? item : { ...item, asOf: earlier(item.asOf) },
  )
  return { asOf: earlier(answer.asOf), items }
}

/** A valid answer whose numbers are wrong by one: nothing but a comparison can tell. */
export const lying = (answer: Answer): Answer => ({
  ...answer,
  items: answer.items.map((item) =>
    item.onHand === null ? item : { ...item, onHand: Number(item.onHand) + 1 },
  ),
})

/** An answer that does not match the question. */
export const mismatched = (answer: Answer, how: 'omit' | 'repeat' | 'add'): Answer => {
  const [first, ...others] = answer.items
  if (!first) return answer
  if (how === 'omit') return { ...answer, items: others }
  if (how === 'repeat') return { ...answer, items: [first, first, ...others.slice(1)] }
  return { ...answer, items: [...answer.items, { ...first, sku: `${first.sku}-never-asked` }] }
}

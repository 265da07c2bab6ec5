import { pastInstant, quantity } from '@inventoryrpa/contracts'
import { levelKey, parseQuantity, type Thousandths } from '@inventoryrpa/inventory'
import { z } from 'zod'
import { SourceFailure } from './failure.ts'

export type LevelAsRead = {
  /** null: the source does not know this SKU there. */
  readonly onHand: Thousandths | null
  /** The moment on-hand is said to hold for. */
  readonly asOf: Date
}

/** `oldest`: the earliest moment any part of the answer holds for, as the source says of the whole. */
export type Answer = { asOf: Date; levels: Map<string, LevelAsRead> }

/** Unknown fields are ignored, so that a source may say more. */
const envelope = z.object({ asOf: pastInstant, items: z.array(z.unknown()) })
const item = z.object({
  sku: z.string(),
  location: z.string(),
  onHand: quantity.nullable(),
  asOf: pastInstant.optional(),
})

const wrong = (detail: string) => new SourceFailure({ code: 'wrong_schema', detail })

const parse = <T>(schema: z.ZodType<T>, value: unknown, path: string): T => {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw wrong(`${[path, ...(issue?.path ?? [])].filter(String).join('.')}: ${issue?.message}`)
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new SourceFailure({ code: 'invalid_response', detail: 'the body is not JSON' })
  }
}

/**
 * Reads the answer to one request and holds it against the question.
 * @param asked the level keys asked for: each must be answered exactly once, and no other
 * @throws SourceFailure `invalid_response` or `wrong_schema`, naming the place but never a value
 */
export const parseAnswer = (text: string, asked: ReadonlySet<string>): Answer => {
  const { asOf, items } = parse(envelope, parseJson(text), '')
  // Before its items are looked at, of which a hostile answer may have very many.
  if (items.length !== asked.size) throw wrong('items: must be as many as were asked for')
  const whole = new Date(asOf)
  const levels = new Map<string, LevelAsRead>()
  items.forEach((given, index) => {
    const at = `items.${index}`
    const { sku, location, onHand, asOf } = parse(item, given, at)
    const key = levelKey(sku, location)
    if (!asked.has(key)) throw wrong(`${at}: was not asked for`)
    if (levels.has(key)) throw wrong(`${at}: is answered twice`)
    levels.set(key, {
      onHand: onHand === null ? null : parseQuantity(onHand),
      asOf: asOf === undefined ? whole : new Date(asOf),
    })
  })
  return { asOf: whole, levels }
}

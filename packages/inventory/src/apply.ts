import {
  type Adjustment,
  type Count,
  type Line,
  levelKey,
  type Sync,
  type Transfer,
} from './line.ts'
import { formatQuantity, maxOnHand, type Thousandths } from './quantity.ts'

export type Level = {
  readonly onHand: Thousandths
  /** How many movements made it. */
  readonly version: number
  /** Epoch milliseconds of the newest count, if there was one. */
  readonly lastCountedAt: number | null
}

export type Movement = {
  readonly line: Line
  /** 0, or 1 for the receiving half of a transfer. */
  readonly leg: 0 | 1
  readonly location: string
  /** Signed: what was added to on-hand. */
  readonly quantity: Thousandths
  readonly onHandAfter: Thousandths
  /** The version this movement gave its level. */
  readonly version: number
  /** The line expected another state of its levels. */
  readonly rebased: boolean
}

export type Rejection = {
  readonly line: Line
  readonly code:
    | 'insufficient_stock'
    | 'stale_count'
    | 'expected_on_hand_mismatch'
    | 'on_hand_out_of_range'
    | 'unknown_at_source'
    | 'level_moved'
  readonly detail: string
  /** The levels that it would have touched, as they were at its turn. */
  readonly levels: readonly { readonly location: string; readonly level: Level }[]
}

/** Waits until its stock source can be believed again. */
export type Hold = { readonly line: Sync; readonly code: 'stale_source'; readonly detail: string }

export type Applied = {
  readonly movements: Movement[]
  readonly rejections: Rejection[]
  readonly holds: Hold[]
  /** The levels that movements changed, as they are now, by level key. */
  readonly levels: Map<string, Level>
}

const locationsOf = (line: Line) =>
  line.type === 'transfer' ? [line.location, line.toLocation] : [line.location]

export type Policy = {
  readonly negativeStock: 'reject' | 'allow'
  /** What earlier chunks moved on this line's level after it occurred. */
  readonly movedSince: (line: Count | Sync) => Thousandths
}

const emptyLevel: Level = { onHand: 0n, version: 0, lastCountedAt: null }

/**
 * Applies lines in their order to levels and says what became of each: exactly one movement (two for
 * a transfer), one rejection or one hold. A line that is not applied leaves nothing behind and its neighbours untouched.
 * A level that is not given starts at zero.
 */
export const applyLines = (
  lines: readonly Line[],
  before: ReadonlyMap<string, Level>,
  policy: Policy,
): Applied => {
  const levels = new Map<string, Level>()
  const movements: Movement[] = []
  const rejections: Rejection[] = []
  const holds: Hold[] = []

  /** What was moved here at counted levels: a count looks back over it. */
  const movedAt = new Map<string, { occurredAt: number; quantity: Thousandths }[]>()
  for (const line of lines) {
    if (line.type === 'count' || line.type === 'sync')
      movedAt.set(levelKey(line.sku, line.location), [])
  }

  const levelAt = (sku: string, location: string) => {
    const key = levelKey(sku, location)
    return levels.get(key) ?? before.get(key) ?? emptyLevel
  }
  const reject = (line: Line, code: Rejection['code'], detail: string) => {
    const levels = locationsOf(line).map((location) => ({
      location,
      level: levelAt(line.sku, location),
    }))
    rejections.push({ line, code, detail, levels })
  }
  const move = (
    line: Line,
    leg: 0 | 1,
    location: string,
    quantity: Thousandths,
    countedAt?: number,
  ) => {
    const level = levelAt(line.sku, location)
    const next = {
      onHand: level.onHand + quantity,
      version: level.version + 1,
      lastCountedAt: countedAt ?? level.lastCountedAt,
    }
    const key = levelKey(line.sku, location)
    levels.set(key, next)
    movedAt.get(key)?.push({ occurredAt: line.occurredAt, quantity })
    movements.push({
      line,
      leg,
      location,
      quantity,
      onHandAfter: next.onHand,
      version: next.version,
      rebased: unexpected.has(line),
    })
  }
  const fitsLedger = (line: Line, quantity: Thousandths, what = 'on-hand') => {
    if (quantity <= maxOnHand && quantity >= -maxOnHand) return true
    reject(line, 'on_hand_out_of_range', `${what} would be ${formatQuantity(quantity)}`)
    return false
  }
  const takesBelowZero = (line: Line, quantity: Thousandths, onHand: Thousandths) => {
    if (policy.negativeStock === 'allow' || quantity >= 0n || onHand + quantity >= 0n) return false
    const short = `on-hand is ${formatQuantity(onHand)}, ${formatQuantity(-quantity)} asked for`
    reject(line, 'insufficient_stock', short)
    return true
  }

  /** Levels that did not go the way that lines expected: whatever comes to them next is unexpected. */
  const strayed = new Set<string>()
  const unexpected = new Set<Line>()
  const isRefusedAsMoved = (line: Line) => {
    for (const { versions, onConflict } of line.expectations ?? []) {
      const locations = locationsOf(line)
      const moved = locations.find(
        (location, leg) =>
          strayed.has(levelKey(line.sku, location)) ||
          levelAt(line.sku, location).version !== versions[leg],
      )
      if (moved === undefined) continue
      unexpected.add(line)
      for (const location of locations) strayed.add(levelKey(line.sku, location))
      if (onConflict === 'rebase') continue
      reject(line, 'level_moved', `${moved} moved since this line was planned`)
      return true
    }
    return false
  }

  const adjust = (line: Adjustment) => {
    const { onHand } = levelAt(line.sku, line.location)
    if (line.expectedOnHand !== undefined && line.expectedOnHand !== onHand) {
      const mismatch = `on-hand is ${formatQuantity(onHand)}, ${formatQuantity(line.expectedOnHand)} expected`
      return reject(line, 'expected_on_hand_mismatch', mismatch)
    }
    if (takesBelowZero(line, line.quantity, onHand)) return
    if (fitsLedger(line, onHand + line.quantity)) move(line, 0, line.location, line.quantity)
  }

  /** Sets on-hand as it was when the line occurred; movements after that moment are kept. */
  const settle = (line: Count | Sync, onHandThen: Thousandths) => {
    const level = levelAt(line.sku, line.location)
    if (level.lastCountedAt !== null && line.occurredAt < level.lastCountedAt) {
      const newer = new Date(level.lastCountedAt).toISOString()
      return reject(line, 'stale_count', `a count of ${newer} is already in the ledger`)
    }
    const movedHere = (movedAt.get(levelKey(line.sku, line.location)) ?? []).reduce(
      (sum, moved) => (moved.occurredAt > line.occurredAt ? sum + moved.quantity : sum),
      0n,
    )
    const variance = onHandThen - (level.onHand - policy.movedSince(line) - movedHere)
    if (fitsLedger(line, level.onHand + variance) && fitsLedger(line, variance, 'the variance')) {
      move(line, 0, line.location, variance, line.occurredAt)
    }
  }

  const sync = (line: Sync) => {
    const { reading } = line
    if (reading.stale) {
      const detail = `the ${reading.source} only knows ${new Date(reading.asOf).toISOString()}`
      holds.push({ line, code: 'stale_source', detail })
    } else if (reading.onHand === null) {
      reject(line, 'unknown_at_source', `the ${reading.source} does not know this level`)
    } else settle(line, reading.onHand)
  }

  const transfer = (line: Transfer) => {
    const from = levelAt(line.sku, line.location)
    const to = levelAt(line.sku, line.toLocation)
    if (takesBelowZero(line, -line.quantity, from.onHand)) return
    if (!fitsLedger(line, from.onHand - line.quantity)) return
    if (!fitsLedger(line, to.onHand + line.quantity)) return
    move(line, 0, line.location, -line.quantity)
    move(line, 1, line.toLocation, line.quantity)
  }

  for (const line of lines) {
    if (isRefusedAsMoved(line)) continue
    if (line.type === 'adjustment') adjust(line)
    else if (line.type === 'count') settle(line, line.quantity)
    else if (line.type === 'transfer') transfer(line)
    else sync(line)
  }
  return { movements, rejections, holds, levels }
}

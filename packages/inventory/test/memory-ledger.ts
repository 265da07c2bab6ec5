import { applyLines, type Level, type Line, levelKey, type Movement } from '../src/index.ts'

export type Ending = { movements: Movement[]; rejections: string[] }

/**
 * Applies chunks one after another, keeping levels and movements between them as the ledger does, and
 * says how every line ended, by its number.
 */
export const applyInChunks = (
  chunks: readonly (readonly Line[])[],
  negativeStock: 'reject' | 'allow' = 'allow',
) => {
  const levels = new Map<string, Level>()
  const movements: Movement[] = []
  const endings = new Map<number, Ending>()
  const endingOf = (line: Line) => {
    const ending = endings.get(line.number) ?? { movements: [], rejections: [] }
    endings.set(line.number, ending)
    return ending
  }
  for (const lines of chunks) {
    const earlier = [...movements]
    const applied = applyLines(lines, levels, {
      negativeStock,
      movedSince: (count) =>
        earlier
          .filter((m) => m.line.sku === count.sku && m.location === count.location)
          .filter((m) => m.line.occurredAt > count.occurredAt)
          .reduce((sum, m) => sum + m.quantity, 0n),
    })
    for (const movement of applied.movements) endingOf(movement.line).movements.push(movement)
    for (const { line, code } of applied.rejections) endingOf(line).rejections.push(code)
    movements.push(...applied.movements)
    for (const [key, level] of applied.levels) levels.set(key, level)
  }
  const onHand = (sku: string, location: string) =>
    levels.get(levelKey(sku, location))?.onHand ?? 0n
  const codes = [...endings.values()].flatMap((ending) => ending.rejections)
  return { levels, movements, endings, onHand, codes }
}

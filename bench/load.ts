import type { OnlineRetailLine } from '@inventoryrpa/local'
import { sumByKey } from '@inventoryrpa/local'

/** Bodies ready to be sent, and what the ledger must hold once they are applied. */
export type Load = { bodies: readonly Buffer[]; lines: number; sums: ReadonlyMap<string, number> }

/**
 * The day's lines, over and over: each time round with references of its own, so that no two bodies
 * are alike. Stock may fall below zero, since the day starts from none.
 */
export const createLoad = (
  day: readonly OnlineRetailLine[],
  { bodies, linesPerBody }: { bodies: number; linesPerBody: number },
): Load => {
  const lines = Array.from({ length: bodies * linesPerBody }, (_, index) => {
    const line = day[index % day.length] as OnlineRetailLine
    return { ...line, reference: `${line.reference}-${Math.floor(index / day.length)}` }
  })
  return {
    bodies: Array.from({ length: bodies }, (_, body) =>
      Buffer.from(
        JSON.stringify({
          reference: `bench-${body}`,
          mode: 'apply',
          negativeStock: 'allow',
          lines: lines.slice(body * linesPerBody, (body + 1) * linesPerBody),
        }),
      ),
    ),
    lines: lines.length,
    sums: sumByKey(lines),
  }
}

/** What the ledger must hold after several loads. */
export const addUp = (loads: readonly Load[]): { lines: number; sums: Map<string, number> } => {
  const sums = new Map<string, number>()
  for (const load of loads) {
    for (const [key, sum] of load.sums) sums.set(key, (sums.get(key) ?? 0) + sum)
  }
  return { lines: loads.reduce((total, load) => total + load.lines, 0), sums }
}

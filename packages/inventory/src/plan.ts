import { levelKey } from './line.ts'

type Placed = { readonly type: string; readonly sku: string; readonly location: string }

/**
 * Splits a batch into chunks that may be applied in any order and in parallel, and still leave every
 * level as if the lines had been applied one by one in the order sent.
 *
 * Lines of one level stay together, side by side, in their order. A transfer ties two levels of its
 * SKU, so a SKU with a transfer stays together as a whole. A chunk is closed when the next group would
 * take it over `maxLines`; one larger group is a chunk of its own. Lines that fit one chunk keep the
 * order sent.
 *
 * @returns the lines' indexes, a list for each chunk
 */
export const planChunks = (lines: readonly Placed[], maxLines: number): number[][] => {
  if (lines.length <= maxLines) return [lines.map((_, index) => index)]

  const transferred = new Set<string>()
  for (const line of lines) if (line.type === 'transfer') transferred.add(line.sku)

  const groups = new Map<string, number[]>()
  lines.forEach((line, index) => {
    const key = transferred.has(line.sku) ? line.sku : levelKey(line.sku, line.location)
    const group = groups.get(key)
    if (group) group.push(index)
    else groups.set(key, [index])
  })

  const chunks: number[][] = []
  let open: number[] = []
  for (const group of groups.values()) {
    if (open.length > 0 && open.length + group.length > maxLines) {
      chunks.push(open)
      open = []
    }
    for (const index of group) open.push(index)
  }
  if (open.length > 0) chunks.push(open)
  return chunks
}

export type PlannedChunk = { readonly indexes: number[]; readonly queue: 'apply' | 'sync' }

/**
 * Plans as planChunks does, with chunks that need the stock source apart from those that the ledger
 * alone can settle, so that the source's outage stops only what needs it. Lines of a SKU that is
 * synced stay together.
 * @param verify all of them need it
 */
export const planQueues = (
  lines: readonly Placed[],
  maxLines: number,
  verify = false,
): PlannedChunk[] => {
  const synced = new Set<string>()
  for (const line of lines) if (line.type === 'sync') synced.add(line.sku)
  if (verify || synced.size === 0) {
    const queue = verify ? 'sync' : 'apply'
    return planChunks(lines, maxLines).map((indexes) => ({ indexes, queue }))
  }
  return (['apply', 'sync'] as const).flatMap((queue) => {
    const own = [...lines.keys()].filter(
      (index) => synced.has((lines[index] as Placed).sku) === (queue === 'sync'),
    )
    if (own.length === 0) return []
    const chunks = planChunks(
      own.map((index) => lines[index] as Placed),
      maxLines,
    )
    return chunks.map((indexes) => ({ indexes: indexes.map((at) => own[at] as number), queue }))
  })
}

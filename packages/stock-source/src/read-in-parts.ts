import { SourceFailure } from './failure.ts'
import type { LevelsAnswer, StockKey } from './request-levels.ts'

/** What the contract allows in one request. */
export const maxItemsPerRequest = 500

const partsOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )

/**
 * Reads any number of levels in requests that a source bears, several at a time. All or nothing: the
 * first part that fails is the failure of the whole, and ends the others.
 * @param signal aborted with a SourceFailure
 */
export const readInParts = async (
  items: readonly StockKey[],
  readPart: (part: readonly StockKey[], signal: AbortSignal) => Promise<LevelsAnswer>,
  { maxParallel, signal }: { maxParallel: number; signal: AbortSignal },
): Promise<LevelsAnswer> => {
  const parts = partsOf(items, maxItemsPerRequest)
  const others = new AbortController()
  const either = AbortSignal.any([signal, others.signal])
  const whole: LevelsAnswer & { outcome: 'answered' } = {
    outcome: 'answered',
    asOf: new Date(8.64e15),
    levels: new Map(),
  }
  let failed: LevelsAnswer | undefined
  const next = parts.values()
  const readOn = async () => {
    for (const part of next) {
      if (failed) return
      const answer = await readPart(part, either)
      if (answer.outcome === 'failed') {
        failed ??= answer
        const detail = 'another part of the read failed'
        others.abort(new SourceFailure({ code: 'aborted', detail }))
        return
      }
      if (answer.asOf < whole.asOf) whole.asOf = answer.asOf
      for (const [key, level] of answer.levels) whole.levels.set(key, level)
    }
  }
  await Promise.all(Array.from({ length: Math.min(maxParallel, parts.length) }, readOn))
  return failed ?? whole
}

import type { SourceName } from './events.ts'
import type { Failure } from './failure.ts'
import type { LevelAsRead } from './parse-answer.ts'
import type { LevelsAnswer } from './request-levels.ts'

export type SourceLevel = LevelAsRead & {
  /** Whether it is too old to be believed: then the line that asks for it is held. */
  readonly stale: boolean
}

export type Read = {
  /** All levels are from this one source. */
  readonly source: SourceName
  /** What the answer as a whole holds for; of several requests the earliest. */
  readonly asOf: Date
  /** Why it is not the primary's, where it is the backup's. */
  readonly failedOverBecause?: Failure
  /** By levelKey; each level asked for is in it. */
  readonly levels: ReadonlyMap<string, SourceLevel>
}

export type SourceReading =
  /** At least one level is fresh. */
  | ({ readonly outcome: 'read' } & Read)
  /** There was an answer, but every level of it is stale. */
  | ({ readonly outcome: 'stale' } & Read)
  | {
      readonly outcome: 'unavailable'
      /** Milliseconds after which it is worth trying again. */
      readonly retryAfterMs: number
      readonly primary: Failure
      readonly backup?: Failure
    }

/** An answer of one source, with its age judged. */
export type Answered = {
  outcome: 'read' | 'stale'
  source: SourceName
  asOf: Date
  levels: Map<string, SourceLevel>
}
export type Judged = Answered | { outcome: 'failed'; source: SourceName; failure: Failure }

/** Marks what is older than `staleAfterMs`, level by level, as each may hold for a moment of its own. */
export const judge = (
  source: SourceName,
  answer: LevelsAnswer,
  staleAfterMs: number,
  now = Date.now(),
): Judged => {
  if (answer.outcome === 'failed') return { outcome: 'failed', source, failure: answer.failure }
  const oldest = now - staleAfterMs
  let fresh = 0
  const levels = new Map<string, SourceLevel>()
  for (const [key, level] of answer.levels) {
    const stale = level.asOf.getTime() < oldest
    if (!stale) fresh += 1
    levels.set(key, { ...level, stale })
  }
  return { outcome: fresh > 0 ? 'read' : 'stale', source, asOf: answer.asOf, levels }
}

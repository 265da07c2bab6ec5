import {
  type AcceptedChunk,
  type ChunkRef,
  type LedgerDatabase,
  LedgerUnavailableError,
  splitChunk,
} from '@inventoryrpa/ledger'
import { classify } from '@inventoryrpa/queue'
import { isLostRace } from '../error-code.ts'

export type BisectDeps = {
  db: LedgerDatabase
  /** Applies a chunk alone. */
  apply: (ref: ChunkRef) => Promise<void>
}

export type Bisected =
  /** `faulty` are chunks of one line that fail; all others of the chunk's lines are applied. */
  | { outcome: 'split'; faulty: AcceptedChunk[] }
  /** One line, or one that cannot be read: nothing to split. */
  | { outcome: 'whole' }

/**
 * Splits a chunk that fails in two, tries both, and goes on with what fails until it is single lines.
 * Parts are applied in the order of their lines. Each split is committed before its parts are tried:
 * if this process ends, the relay finds what is left.
 * @param options.isDeadly it ended the process that applied it
 * @throws what is no chunk's fault: an outage
 */
export const bisectChunk = async (
  deps: BisectDeps,
  ref: ChunkRef,
  options: { isDeadly: boolean },
): Promise<Bisected> => {
  const split = await splitChunk(deps.db, ref, options).catch((error: unknown) => {
    // What PostgreSQL could not do now; anything else is a chunk that cannot be read.
    if (error instanceof LedgerUnavailableError || isLostRace(error)) throw error
    return { outcome: 'single' } as const
  })
  if (split.outcome === 'gone') return { outcome: 'split', faulty: [] }
  if (split.outcome === 'single') return { outcome: 'whole' }
  const faulty: AcceptedChunk[] = []
  for (const part of split.parts) {
    try {
      await deps.apply(part)
    } catch (error) {
      if (classify(error).class === 'outage') throw error
      const inner = await bisectChunk(deps, part, options)
      faulty.push(...(inner.outcome === 'split' ? inner.faulty : [part]))
    }
  }
  return { outcome: 'split', faulty }
}

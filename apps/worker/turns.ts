import type { QueueKind } from '@inventoryrpa/contracts'
import {
  type AcceptedChunk,
  type ChunkRef,
  countLinesAhead,
  type LedgerDatabase,
} from '@inventoryrpa/ledger'
import {
  highestTag,
  type JobRun,
  type Producer,
  type PutBack,
  placeChunks,
} from '@inventoryrpa/queue'

type TurnsDeps = { db: LedgerDatabase; producer: Pick<Producer, 'virtualTime'> }

/** Gives chunks that are to be added to the queue their tags, as placeChunks does. */
export const createPlace =
  ({ db, producer }: TurnsDeps) =>
  <Chunk extends ChunkRef & { queue: QueueKind }>(chunks: readonly Chunk[]) =>
    placeChunks(
      { virtualTime: producer.virtualTime, countLinesAhead: (refs) => countLinesAhead(db, refs) },
      chunks,
    )

/** Adds jobs for chunks, in their turn. */
export type EnqueueChunks = (chunks: readonly AcceptedChunk[]) => Promise<void>

/** A chunk that was put back as often is applied, whatever its tenant sent since. */
const mostReturns = 8

export type Turns = {
  /** Whether chunks of its tenant with a higher priority may still go first. */
  givesWay(job: Pick<JobRun<ChunkRef>, 'returns'>): boolean
  /** A scheduled chunk comes up without a tag: while others wait, it gets one now. */
  take(job: JobRun<ChunkRef>): Promise<PutBack | undefined>
  /** Behind what its tenant wants applied first. */
  putBehind(job: JobRun<ChunkRef>): Promise<PutBack>
}

export const createTurns = (deps: TurnsDeps, queue: QueueKind): Turns => {
  const place = createPlace(deps)
  const tagOf = async ({ batchId, chunk }: ChunkRef) =>
    (await place([{ batchId, chunk, queue }]))[0]?.tag ?? 1
  return {
    givesWay: ({ returns }) => returns < mostReturns,
    take: async ({ payload, scheduled, tag, returns }) => {
      if (!scheduled || tag > 0 || returns > 0) return undefined
      if ((await deps.producer.virtualTime(queue)) === 0) return undefined
      return { outcome: 'put-back', tag: await tagOf(payload) }
    },
    // Further back in any case: what it gives way to may be missing in the queue.
    putBehind: async ({ payload, tag }) => ({
      outcome: 'put-back',
      tag: Math.min(Math.max(tag + 1, await tagOf(payload)), highestTag),
    }),
  }
}

import { type QueueKind, queueKinds } from '@inventoryrpa/contracts'
import { chunkJobId } from './names.ts'
import { positionOf, tagAt } from './tags.ts'

type ChunkRef = { batchId: string; chunk: number }

/** The lines of its tenant that are to run before a chunk. */
export type LinesAhead = ChunkRef & { weight: number; linesAhead: number }

export type PlaceDeps = {
  virtualTime: (queue: QueueKind) => Promise<number>
  /** Says nothing of what is settled or not due. */
  countLinesAhead: (chunks: readonly ChunkRef[]) => Promise<LinesAhead[]>
}

/**
 * Gives each chunk the tag of its turn, as if they were accepted in this moment in the order in which
 * they were; none to what is settled or not due.
 */
export const placeChunks = async <Chunk extends ChunkRef & { queue: QueueKind }>(
  { virtualTime, countLinesAhead }: PlaceDeps,
  chunks: readonly Chunk[],
): Promise<(Chunk & { tag: number | undefined })[]> => {
  if (chunks.length === 0) return []
  const kinds = queueKinds.filter((kind) => chunks.some(({ queue }) => queue === kind))
  const [counted, times] = await Promise.all([
    countLinesAhead(chunks),
    Promise.all(kinds.map(virtualTime)),
  ])
  const ahead = new Map(counted.map((it) => [chunkJobId(it), it]))
  return chunks.map((chunk) => {
    const found = ahead.get(chunkJobId(chunk))
    const time = times[kinds.indexOf(chunk.queue)] ?? 0
    return { ...chunk, tag: found && tagAt(positionOf({ virtualTime: time, ...found })) }
  })
}

import type { Connection } from './connection.ts'
import { followBatch } from './events.ts'
import type { Batch, BatchState } from './types.ts'

export type WaitOptions = {
  /** Told whenever the counts have changed, at most once a second. */
  onProgress?: (batch: Batch) => void
  signal?: AbortSignal
}

/** In these nothing goes on by itself. */
const resting = new Set<BatchState>(['previewed', 'awaiting_approval', 'completed', 'cancelled'])

/**
 * Until the batch is done or waits for somebody: its state says which.
 * @throws the signal's reason
 */
export const waitForBatch = async (
  connection: Connection,
  read: () => Promise<Batch>,
  { onProgress, signal }: WaitOptions,
): Promise<Batch> => {
  let batch = await read()
  while (!resting.has(batch.state)) {
    const { id } = batch
    for await (const { data } of followBatch(connection, id, signal ? { signal } : {})) {
      onProgress?.(data)
      if (resting.has(data.state)) break
    }
    signal?.throwIfAborted()
    // What an event says was true then.
    batch = await read()
  }
  onProgress?.(batch)
  return batch
}

import type { Batch } from '../types.ts'
import type { Session } from './context.ts'
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts'
import { printBatch } from './output.ts'
import { startProgress } from './progress.ts'

/** Shows how far a batch is until it is done or waits for somebody, then what became of it. */
export const follow = async (session: Session, id: string): Promise<ExitCode> => {
  const batch = await waitFor(session, id)
  printBatch(session, batch)
  tellNext(session, batch)
  return exitCodeOf(batch)
}

export const waitFor = async (session: Session, id: string): Promise<Batch> => {
  const { client, signal } = session
  session.onInterrupt(
    `batch ${id} goes on without this command
  to follow it: inventoryrpa status ${id} --wait
  to call it off: inventoryrpa cancel ${id}`,
  )
  const progress = startProgress('lines', 'lines', session)
  try {
    return await client.waitForBatch(id, {
      onProgress: ({ counts: { total, pending } }) => progress.update(total - pending, total),
      signal,
    })
  } finally {
    progress.stop()
  }
}

/** A batch that was asked for, followed if `wait` says so. */
export const answer = (session: Session, batch: Batch, wait: boolean | undefined) => {
  if (wait) return follow(session, batch.id)
  printBatch(session, batch)
  return Promise.resolve(exitCodes.done)
}

const tellNext = ({ note, json }: Session, { id, state, planHash, counts }: Batch) => {
  if (json) return
  if (state === 'previewed') {
    note(`nothing was changed; to apply it: inventoryrpa apply ${id} --plan-hash ${planHash}`)
  }
  if (state === 'awaiting_approval') {
    note(`it takes another key than yours: inventoryrpa approve ${id}`)
  }
  if (counts.rejected > 0) {
    note(`to correct what was rejected: inventoryrpa report ${id} --outcome rejected -o report.csv`)
  }
  if (counts.dead > 0) note(`to run again what is dead: inventoryrpa redrive --batch ${id}`)
}

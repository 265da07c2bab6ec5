import { setImmediate as othersTurn } from 'node:timers/promises'
import type { Transaction } from 'kysely'
import { type LockedChunk, markSettled } from './chunks.ts'
import { forgetDeadLines } from './dead-chunks.ts'
import { readPlans } from './plan-rows.ts'
import type { Schema } from './schema.ts'
import { type Part, type Settled, type SettleOptions, settleLines } from './settle-lines.ts'

/**
 * Applies locked chunks of one tenant and one policy in their order, as if they were one.
 * @throws as settleLines does
 */
export const settleChunks = async (
  trx: Transaction<Schema>,
  [first, ...others]: readonly [LockedChunk, ...LockedChunk[]],
  options: SettleOptions,
): Promise<Settled> => {
  const chunks = [first, ...others]
  const plans = await readPlans(trx, chunks)
  const partOf = (chunk: LockedChunk): Part => ({
    chunk,
    lines: chunk.lines(options.readings, plans.get(chunk)),
    from: chunk.dead ? 'dead' : 'pending',
  })
  const parts: [Part, ...Part[]] = [partOf(first)]
  for (const chunk of others) {
    // Reading them all takes a while, and small chunks are applied beside this.
    await othersTurn()
    parts.push(partOf(chunk))
  }
  const dead = chunks.filter((chunk) => chunk.dead)
  if (dead.length > 0) await forgetDeadLines(trx, dead)
  const { heldByPart, ...settled } = await settleLines(trx, parts, options)
  await markSettled(trx, chunks, heldByPart)
  return settled
}

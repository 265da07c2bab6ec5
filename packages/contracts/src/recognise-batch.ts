import { maxBatchLines, type SubmitBatch, submitBatch } from './batch.ts'
import { line } from './line.ts'
import { isPlainLine } from './plain-line.ts'

/** All of a batch but its lines. */
const head = submitBatch.omit({ lines: true })

/**
 * What `submitBatch` makes of a body that is right, in a fraction of the time: plain lines are not
 * copied, only the others are shown to zod.
 * @param body as JSON.parse made it
 * @returns undefined for everything else: what is wrong with it, if anything, `submitBatch` tells
 */
export const recogniseBatch = (body: unknown): SubmitBatch | undefined => {
  if (typeof body !== 'object' || body === null || !('lines' in body)) return undefined
  const { lines, ...rest } = body
  if (!Array.isArray(lines) || lines.length === 0 || lines.length > maxBatchLines) return undefined
  const said = head.safeParse(rest)
  if (!said.success) return undefined
  const now = new Date().toISOString()
  for (const given of lines) {
    if (!isPlainLine(given, now) && !line.safeParse(given).success) return undefined
  }
  return { ...said.data, lines }
}

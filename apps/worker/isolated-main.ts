import { applyChunk, openLedger } from '@inventoryrpa/ledger'
import { classify } from '@inventoryrpa/queue'
import { readConfig } from './config.ts'
import { codeOf } from './error-code.ts'
import type { Answer, Question } from './processors/isolated-apply.ts'

/** Applies the one chunk it is told, answers, and ends: its worker looks on from outside. */
const apply = async ({ ref, readings }: Question): Promise<Answer> => {
  const ledger = openLedger({
    databaseUrl: readConfig(process.env).DATABASE_URL,
    applicationName: 'inventoryrpa-isolated',
    maxConnections: 1,
  })
  try {
    return { result: await applyChunk(ledger.db, ref, readings) }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const { class: errorClass } = classify(error)
    return {
      error: {
        message: error.message,
        code: codeOf(error),
        outage: errorClass === 'outage',
        retryable: errorClass !== 'unrecoverable',
        stack: error.stack,
      },
    }
  } finally {
    await ledger.close()
  }
}

process.once('message', async (question) => {
  const answer = await apply(question as Question)
  process.send?.(answer, () => process.disconnect?.())
})
// The worker is gone.
process.once('disconnect', () => process.exit())

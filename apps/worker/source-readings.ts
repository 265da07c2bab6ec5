import type { Reading } from '@inventoryrpa/inventory'
import type { Readings, StockKey } from '@inventoryrpa/ledger'
import type { FailureCode, StockSource } from '@inventoryrpa/stock-source'

/** Neither source can be read, and no line is to blame: the queue waits, no attempt is used up. */
export class SourcesUnavailableError extends Error {
  readonly code = 'SOURCES_UNAVAILABLE'
  readonly outage = true
  readonly retryAfterMs: number
  override readonly name = 'SourcesUnavailableError'
  constructor(message: string, retryAfterMs: number) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/** A source answered, but not what can be used: perhaps because of what it was asked for. */
export class SourceAnswerError extends Error {
  readonly code: string
  /** The source whose failure it is. */
  readonly source: 'primary' | 'backup'
  override readonly name = 'SourceAnswerError'
  constructor(code: FailureCode, source: 'primary' | 'backup', detail: string) {
    super(`the ${source} gave no usable answer: ${detail}`)
    this.code = `SOURCE_${code.toUpperCase()}`
    this.source = source
  }
}

/** Failures that may be due to the question; all others are the source's whatever it is asked. */
const answerFailures: ReadonlySet<FailureCode> = new Set([
  'too_large',
  'invalid_response',
  'wrong_schema',
])

/**
 * What the source says of levels, in the ledger's terms.
 * @throws SourcesUnavailableError when neither can be read, SourceAnswerError when one that can be
 * reached answers nonsense to this question
 */
export const readSource = async (
  source: StockSource,
  keys: readonly StockKey[],
): Promise<Readings> => {
  if (keys.length === 0) return new Map()
  const read = await source.read(keys)
  if (read.outcome === 'unavailable') {
    const { primary, backup, retryAfterMs } = read
    const last = backup ?? primary
    if (answerFailures.has(last.code)) {
      throw new SourceAnswerError(last.code, backup ? 'backup' : 'primary', last.detail)
    }
    if (answerFailures.has(primary.code)) {
      throw new SourceAnswerError(primary.code, 'primary', primary.detail)
    }
    const said = [primary, backup].map((failure) => failure?.code).filter(Boolean)
    throw new SourcesUnavailableError(
      `no stock source can be read: ${said.join(', ')}`,
      retryAfterMs,
    )
  }
  const failoverCode = read.failedOverBecause?.code
  return new Map(
    [...read.levels].map(([key, level]): [string, Reading] => [
      key,
      {
        source: read.source,
        asOf: level.asOf.getTime(),
        failoverCode,
        onHand: level.onHand,
        stale: level.stale,
      },
    ]),
  )
}

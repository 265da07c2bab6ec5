import { levelKey } from '@inventoryrpa/inventory'
import type { SourceName } from './events.ts'
import { type Asking, askEither } from './failover.ts'
import { defaults, type SourceAddress, type StockSourceOptions } from './options.ts'
import { judge, type SourceReading } from './reading.ts'
import type { StockKey } from './request-levels.ts'
import { openSource, type Source } from './source.ts'
import { isSourceUrl, isToken } from './source-url.ts'

export type Availability = { available: true } | { available: false; retryAfterMs: number }

export type StockSource = {
  /**
   * Reads on-hand of these levels, all from the primary or all from the backup. Asking twice for one
   * level is asking once. Takes no longer than the deadlines of both.
   * @throws RangeError when nothing is asked for
   */
  read(keys: Iterable<StockKey>): Promise<SourceReading>
  /** Whether a read could succeed now, found out without trying. */
  availability(): Availability
  /** Ends the connections once the reads under way have ended. */
  close(): Promise<void>
}

/** When sources failed that would be asked again at once: some time for them to recover. */
const minRetryAfterMs = 1_000

const distinct = (keys: Iterable<StockKey>): StockKey[] => [
  ...new Map(Array.from(keys, (key) => [levelKey(key.sku, key.location), key])).values(),
]

const open = (name: SourceName, address: SourceAddress, options: StockSourceOptions): Source => {
  if (!isSourceUrl(address.url)) throw new TypeError(`the URL of the ${name} cannot be used`)
  if (address.token !== undefined && !isToken(address.token)) {
    throw new TypeError(`the token of the ${name} cannot be used`)
  }
  return openSource({
    name,
    url: address.url,
    token: address.token,
    deadlineMs: address.deadlineMs ?? defaults.deadlineMs,
    breaker: options.breaker ?? defaults.breaker,
    maxBodyBytes: options.maxBodyBytes ?? defaults.maxBodyBytes,
    maxParallel: options.maxParallel ?? defaults.maxParallel,
    allowPrivateAddresses: options.allowPrivateAddresses ?? false,
    onEvent: options.onEvent ?? (() => {}),
  })
}

/**
 * The customer's own stock system. Connects when it is first read.
 * @throws TypeError for an address or token that cannot be used
 */
export const createStockSource = (options: StockSourceOptions): StockSource => {
  const { failover, staleAfterMs = defaults.staleAfterMs, onEvent } = options
  const hedgeAfterMs = failover?.mode === 'hedged' ? failover.hedgeAfterMs : undefined
  const primary = open('primary', options.primary, options)
  const backup = options.backup && open('backup', options.backup, options)
  const waitMs = () =>
    Math.ceil(Math.min(primary.waitMs(), backup?.waitMs() ?? Number.POSITIVE_INFINITY))

  const ask = (source: Source, items: readonly StockKey[]): Asking => {
    const { answer, abandon } = source.ask(items)
    return { judged: answer.then((it) => judge(source.name, it, staleAfterMs)), abandon }
  }

  const read = async (items: readonly StockKey[]): Promise<SourceReading> => {
    const choice = await askEither(
      () => ask(primary, items),
      backup && (() => ask(backup, items)),
      hedgeAfterMs,
    )
    if (!choice.answered) {
      return {
        outcome: 'unavailable',
        retryAfterMs: Math.max(minRetryAfterMs, waitMs()),
        primary: choice.primary,
        ...(choice.backup ? { backup: choice.backup } : {}),
      }
    }
    if (!choice.because) return choice.answered
    onEvent?.({ type: 'failover', code: choice.because.code })
    return { ...choice.answered, failedOverBecause: choice.because }
  }
  const underWay = new Set<Promise<unknown>>()

  return {
    read: async (keys) => {
      const items = distinct(keys)
      if (items.length === 0) throw new RangeError('nothing is asked for')
      const reading = read(items)
      underWay.add(reading)
      return reading.finally(() => underWay.delete(reading))
    },
    availability: () => {
      const retryAfterMs = waitMs()
      return retryAfterMs > 0 ? { available: false, retryAfterMs } : { available: true }
    },
    close: async () => {
      await Promise.allSettled(underWay)
      await Promise.all([primary.close(), backup?.close()])
    },
  }
}

import {
  type Level,
  type StockSourceServer,
  startStockSource,
} from '@inventoryrpa/example-stock-source'
import { levelKey } from '@inventoryrpa/inventory'
import {
  createStockSource,
  type StockSource,
  type StockSourceEvent,
  type StockSourceOptions,
} from '@inventoryrpa/stock-source'
import { onTestFinished } from 'vitest'

export const key = { sku: '85123A', location: 'United Kingdom' }
export const keyText = levelKey(key.sku, key.location)

/** Milliseconds for a source that is not to answer in time. */
export const shortDeadlineMs = 300
/** Milliseconds for one that is, however busy the machine. */
const longDeadlineMs = 10_000
/** What a read may take beyond its deadlines on a busy machine; what it waits for would take for ever. */
export const slackMs = 2_000

/** A stock system of its own, which ends with the test. */
export const startSource = async (levels: Level[] = [{ ...key, onHand: '2.5' }]) => {
  const server = await startStockSource({ levels })
  onTestFinished(() => server.close())
  return server
}

export const addressOf = ({ url, token }: StockSourceServer, deadlineMs = longDeadlineMs) => ({
  url,
  token,
  deadlineMs,
})

/** Two sources that know the same, and their client. */
export const openPair = async ({
  primaryDeadlineMs,
  ...options
}: Partial<StockSourceOptions> & { primaryDeadlineMs?: number } = {}) => {
  const primary = await startSource()
  const backup = await startSource()
  const client = openClient({
    primary: addressOf(primary, primaryDeadlineMs),
    backup: addressOf(backup),
    ...options,
  })
  return { primary, backup, ...client }
}

/** A client that is closed with the test, and what it tells. */
export const openClient = (
  options: StockSourceOptions,
): { source: StockSource; events: StockSourceEvent[] } => {
  const events: StockSourceEvent[] = []
  const source = createStockSource({
    allowPrivateAddresses: true,
    onEvent: (event) => events.push(event),
    ...options,
  })
  onTestFinished(() => source.close())
  return { source, events }
}

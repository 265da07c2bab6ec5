import type { Logger, Metrics } from '@inventoryrpa/observability'
import { createStockSource, type StockSource, stockSourceOptions } from '@inventoryrpa/stock-source'
import type { Config } from './config.ts'

const breakerStates = ['closed', 'open', 'half-open'] as const

/**
 * The configured stock source, with its events in metrics and log; undefined when there is none.
 * @throws ConfigError, TypeError for a configuration that cannot be used
 */
export const openStockSource = (
  config: Config,
  { logger, metrics }: { logger: Logger; metrics: Metrics },
): StockSource | undefined => {
  const options = stockSourceOptions(config)
  if (!options) return undefined
  return createStockSource({
    ...options,
    onEvent: (event) => {
      if (event.type === 'request') {
        const { source, outcome, seconds } = event
        metrics.sourceDuration.observe({ source, outcome }, seconds)
      } else if (event.type === 'failover') {
        metrics.sourceFailovers.inc({ code: event.code })
      } else {
        const { source, state } = event
        for (const each of breakerStates) {
          metrics.sourceBreaker.set({ source, state: each }, each === state ? 1 : 0)
        }
        logger.warn({ source, state }, 'breaker of a stock source')
      }
    },
  })
}

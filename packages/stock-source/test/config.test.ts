import { ConfigError, parseConfig } from '@inventoryrpa/contracts'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { stockSourceConfig, stockSourceOptions } from '../src/config.ts'

const schema = z.object(stockSourceConfig)
const read = (env: Record<string, string>) => stockSourceOptions(parseConfig(schema, env))
const url = 'https://stock.example/base'

test('without a URL there is no stock source', () => {
  expect(read({})).toBeUndefined()
})

test('a URL is enough', () => {
  expect(read({ STOCK_SOURCE_URL: url })).toEqual({
    primary: { url, token: undefined, deadlineMs: 2_000 },
    backup: undefined,
    failover: { mode: 'immediate' },
    staleAfterMs: 900_000,
    breaker: { opensAfter: { consecutive: 5 }, openMs: 10_000 },
    allowPrivateAddresses: false,
  })
})

test('everything can be set', () => {
  const env = {
    STOCK_SOURCE_URL: url,
    STOCK_SOURCE_TOKEN: 'one',
    STOCK_SOURCE_BACKUP_URL: 'http://backup.example:8080',
    STOCK_SOURCE_BACKUP_TOKEN: 'two',
    STOCK_SOURCE_DEADLINE_MS: '500',
    STOCK_SOURCE_FAILOVER: 'hedged',
    STOCK_SOURCE_HEDGE_AFTER_MS: '100',
    STOCK_SOURCE_STALE_AFTER_MS: '60000',
    STOCK_SOURCE_BREAKER_FAILURES: '3',
    STOCK_SOURCE_BREAKER_OPEN_MS: '1000',
    STOCK_SOURCE_ALLOW_PRIVATE: 'true',
  }
  expect(read(env)).toEqual({
    primary: { url, token: 'one', deadlineMs: 500 },
    backup: { url: 'http://backup.example:8080', token: 'two', deadlineMs: 500 },
    failover: { mode: 'hedged', hedgeAfterMs: 100 },
    staleAfterMs: 60_000,
    breaker: { opensAfter: { consecutive: 3 }, openMs: 1_000 },
    allowPrivateAddresses: true,
  })
})

test('a backup without a primary is an error', () => {
  expect(() => read({ STOCK_SOURCE_BACKUP_URL: url })).toThrow(ConfigError)
})

test.for([
  'canary',
  'ftp://canary.example',
  'file:///canary',
  'https://canary:canary@stock.example',
  'https://canary@stock.example',
  'https://stock.example?key=canary',
  'https://stock.example#canary',
  '//canary.example',
])('%s is refused as a URL, and not shown', (value) => {
  for (const variable of ['STOCK_SOURCE_URL', 'STOCK_SOURCE_BACKUP_URL']) {
    expect(() => read({ [variable]: value })).toThrow(`${variable} (set, not shown): must be a URL`)
    expect(() => read({ [variable]: value })).not.toThrow(/canary/)
  }
})

test.for(['canary canary', 'canary\r\nX-Forged: 1', 'canäry'])(
  '%j is refused as a token, and not shown',
  (value) => {
    const env = { STOCK_SOURCE_URL: url, STOCK_SOURCE_TOKEN: value }
    expect(() => read(env)).toThrow('STOCK_SOURCE_TOKEN (set, not shown): must be')
    expect(() => read(env)).not.toThrow(/can[aä]ry/)
  },
)

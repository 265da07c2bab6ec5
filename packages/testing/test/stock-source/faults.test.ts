import type { Fault } from '@inventoryrpa/example-stock-source'
import type { FailureCode } from '@inventoryrpa/stock-source'
import { expect, test } from 'vitest'
import { key, keyText, openPair, shortDeadlineMs, slackMs } from './sources.ts'

const faults: [Fault, FailureCode][] = [
  [{ mode: '500' }, 'http_error'],
  [{ mode: '503' }, 'http_error'],
  [{ mode: '503', retryAfter: '1' }, 'throttled'],
  [{ mode: '429' }, 'throttled'],
  [{ mode: '429', retryAfter: '1' }, 'throttled'],
  [{ mode: 'redirect', to: 'http://169.254.169.254/' }, 'redirect_refused'],
  [{ mode: 'hang' }, 'timeout'],
  [{ mode: 'slow', delayMs: 60_000 }, 'timeout'],
  [{ mode: 'trickle', everyMs: 20 }, 'timeout'],
  [{ mode: 'reset' }, 'reset'],
  [{ mode: 'reset-in-body' }, 'reset'],
  [{ mode: 'garbage' }, 'invalid_response'],
  [{ mode: 'not-json' }, 'invalid_response'],
  [{ mode: 'endless' }, 'too_large'],
  [{ mode: 'bomb' }, 'too_large'],
  [{ mode: 'wrong-schema' }, 'wrong_schema'],
  [{ mode: 'omit' }, 'wrong_schema'],
  [{ mode: 'repeat' }, 'wrong_schema'],
  [{ mode: 'add' }, 'wrong_schema'],
  [{ mode: 'lag', lagMs: -6 * 60_000 }, 'wrong_schema'],
  [{ mode: 'lag', lagMs: 60 * 60_000 }, 'stale'],
  [{ mode: 'flapping', every: 2 }, 'http_error'],
]

test.for(faults)('a primary with %j ends as %s, and the backup answers', async ([fault, code]) => {
  const late = code === 'timeout'
  const { primary, source, events } = await openPair(
    late ? { primaryDeadlineMs: shortDeadlineMs } : {},
  )
  primary.fail(fault)
  const start = performance.now()
  const reading = await source.read([key])
  expect(performance.now() - start).toBeLessThan(shortDeadlineMs + slackMs)
  expect(reading).toMatchObject({
    outcome: 'read',
    source: 'backup',
    failedOverBecause: { code },
  })
  if (reading.outcome === 'read') {
    expect([...reading.levels]).toEqual([
      [keyText, { onHand: 2500n, asOf: expect.any(Date), stale: false }],
    ])
  }
  expect(primary.requests().received).toBeGreaterThan(0)
  expect(events).toContainEqual({ type: 'failover', code })
})

import { expect, test } from 'vitest'
import { backoffStrategy, classify, outageDelayMs } from '../src/retry-policy.ts'

const policy = { attempts: 3, backoffMs: 1_000, backoffMaxMs: 10_000 }
const errorThat = (says: object) => Object.assign(new Error('it failed'), says)
const throttled = (retryAfterMs: number) => errorThat({ retryAfterMs })
const transient = { class: 'transient', retryAfterMs: undefined }

test('an error is classed by what it says of itself; an outage comes first, then what is final', () => {
  expect(classify(errorThat({}))).toEqual(transient)
  expect(classify(errorThat({ retryable: true, outage: false }))).toEqual(transient)
  expect(classify(throttled(250))).toEqual({ class: 'throttled', retryAfterMs: 250 })
  const final = { class: 'unrecoverable', retryAfterMs: undefined }
  expect(classify(errorThat({ retryable: false, retryAfterMs: 250 }))).toEqual(final)
  const outage = errorThat({ outage: true, retryable: false, retryAfterMs: 250 })
  expect(classify(outage)).toEqual({ class: 'outage', retryAfterMs: 250 })
  expect(classify(errorThat({ outage: true }))).toEqual({
    class: 'outage',
    retryAfterMs: undefined,
  })
})

test.for(['text', 7, null, undefined, Symbol('s'), { outage: true }, Object.create(null)])(
  'what is no error is transient: %o',
  (thrown) => {
    expect(classify(thrown)).toEqual(transient)
  },
)

test.for([Number.NaN, -1, '250', null, {}])('a time that is none is not waited for: %o', (time) => {
  expect(classify(errorThat({ retryAfterMs: time }))).toEqual(transient)
  const delay = backoffStrategy(policy)(1, '', errorThat({ retryAfterMs: time }))
  expect(delay).toBeGreaterThanOrEqual(750)
  expect(delay).toBeLessThanOrEqual(1_000)
})

test('retries come after growing delays, a quarter of them random, up to the cap', () => {
  const delay = backoffStrategy(policy)
  const expected = [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]
  for (const [index, most] of expected.entries()) {
    for (let draw = 0; draw < 50; draw += 1) {
      const drawn = delay(index + 1, '', new Error('it failed')) as number
      expect(drawn).toBeGreaterThanOrEqual(most * 0.75)
      expect(drawn).toBeLessThanOrEqual(most)
    }
  }
})

test('whoever throttles is waited for as asked, but no longer than a minute and no less than the backoff', () => {
  const delay = backoffStrategy(policy)
  expect(delay(1, '', throttled(5_000))).toBe(5_000)
  expect(delay(1, '', throttled(3_600_000))).toBe(60_000)
  expect(delay(1, '', throttled(Number.POSITIVE_INFINITY))).toBe(60_000)
  expect(delay(4, '', throttled(1))).toBeGreaterThanOrEqual(6_000)
})

test('a queue is held longer with each outage in a row, up to the cap or the time asked for', () => {
  const within = (delay: number, most: number) => {
    expect(delay).toBeGreaterThanOrEqual(most * 0.75)
    expect(delay).toBeLessThanOrEqual(most)
  }
  within(outageDelayMs(policy, 1), 1_000)
  within(outageDelayMs(policy, 3), 4_000)
  within(outageDelayMs(policy, 5_000), 5_000)
  expect(outageDelayMs(policy, 1, 30_000)).toBe(30_000)
  expect(outageDelayMs(policy, 1, 3_600_000)).toBe(60_000)
})

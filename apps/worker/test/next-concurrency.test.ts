import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { freshTuning, nextConcurrency, type Sample, type Tuning } from '../next-concurrency.ts'

const bounds = { min: 1, max: 8 }
const calmSample: Sample = {
  own: 1_000,
  system: 1_000,
  waiting: true,
  databaseMs: 2,
  loopDelayMs: 10,
}

type Curve = (concurrency: number) => number
/** Lines a second by jobs in hand. */
const rising =
  (knee: number): Curve =>
  (n) =>
    1_000 * Math.min(n, knee)
const flat: Curve = () => 1_000
const falling: Curve = (n) => 1_000 * 0.8 ** (n - 1)
const peaked =
  (knee: number): Curve =>
  (n) =>
    (n <= knee ? n : knee * 0.75 ** (n - knee)) * 1_000

/** Runs the loop over a curve. @param noise up to so much of each rate, up or down, by a number from 0 to 1 */
const simulate = (
  curve: Curve,
  samples: number,
  { noise = (): number => 0.5, spread = 0.05, elsewhere = 0, start = freshTuning(bounds) } = {},
) => {
  const seen: number[] = []
  let tuning: Tuning = start
  for (let i = 0; i < samples; i += 1) {
    seen.push(tuning.concurrency)
    const own = curve(tuning.concurrency) * (1 + spread * (2 * noise() - 1))
    tuning = nextConcurrency(tuning, { ...calmSample, own, system: own + elsewhere }, bounds)
  }
  return { seen, tuning }
}
const noises = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }))
const from = (stream: Iterator<number>) => () => Number(stream.next().value)
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const brought = (curve: Curve, seen: number[]) => mean(seen.map(curve))

const anySample: fc.Arbitrary<Sample> = fc.record({
  own: fc.double({ min: 0, max: 1e6, noNaN: true }),
  system: fc.double({ min: 0, max: 1e6, noNaN: true }),
  waiting: fc.boolean(),
  databaseMs: fc.double({ min: 0, max: 1e4, noNaN: true }),
  loopDelayMs: fc.double({ min: 0, max: 1e4, noNaN: true }),
})

test('whatever is seen, it stays within its bounds and climbs by one at a time', () => {
  const anyBounds = fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 8 }))
    .map(([min, more]) => ({ min, max: min + more }))
  fc.assert(
    fc.property(anyBounds, fc.array(anySample, { maxLength: 200 }), (within, samples) => {
      let tuning = freshTuning(within)
      for (const sample of samples) {
        const next = nextConcurrency(tuning, sample, within)
        expect(next.concurrency).toBeGreaterThanOrEqual(within.min)
        expect(next.concurrency).toBeLessThanOrEqual(within.max)
        expect(next.concurrency).toBeLessThanOrEqual(tuning.concurrency + 1)
        tuning = next
      }
    }),
  )
})

test('where more in hand brings less, trials cost under 5% of the throughput', () => {
  fc.assert(
    fc.property(noises, fc.constantFrom(flat, falling), (stream, curve) => {
      const { seen } = simulate(curve, 200, { noise: from(stream) })
      expect(brought(curve, seen)).toBeGreaterThan(0.95 * curve(1))
      expect(mean(seen)).toBeLessThan(1.15)
    }),
  )
})

test('where each one in hand pays, it climbs to the knee and brings most of what can be had', () => {
  fc.assert(
    fc.property(noises, fc.integer({ min: 2, max: 4 }), (stream, knee) => {
      const { seen } = simulate(rising(knee), 200, { noise: from(stream) })
      expect(brought(rising(knee), seen.slice(60))).toBeGreaterThan(0.85 * rising(knee)(knee))
    }),
  )
})

test('once there it hardly moves: it never swings to and fro', () => {
  fc.assert(
    fc.property(noises, fc.integer({ min: 1, max: 4 }), (stream, knee) => {
      const { seen } = simulate(peaked(knee), 400, { noise: from(stream) })
      const late = seen.slice(200)
      expect(Math.max(...late) - Math.min(...late)).toBeLessThanOrEqual(2)
      const turns = late.filter((value, i) => i > 0 && value !== late[i - 1]).length
      expect(turns).toBeLessThan(late.length / 5)
    }),
  )
})

test('a knee that moved away is left again', () => {
  const climbed = simulate(rising(4), 100)
  expect(climbed.seen.at(-1)).toBeGreaterThanOrEqual(4)
  const { seen } = simulate(falling, 200, { start: climbed.tuning })
  expect(mean(seen.slice(150))).toBeLessThan(1.5)
})

test('a step that only takes from the other workers is not kept', () => {
  let tuning = freshTuning(bounds)
  const seen: number[] = []
  for (let i = 0; i < 200; i += 1) {
    seen.push(tuning.concurrency)
    // Ten workers share what the database gives; this one's share grows with what it has in hand.
    const own = (10_000 * tuning.concurrency) / (9 + tuning.concurrency)
    tuning = nextConcurrency(tuning, { ...calmSample, own, system: 10_000 }, bounds)
  }
  expect(mean(seen)).toBeLessThan(1.15)
})

describe('from four in hand', () => {
  const four: Tuning = { ...freshTuning(bounds), concurrency: 4, calm: 20, floorMs: 2 }
  const after = (...changes: Partial<Sample>[]) =>
    changes.reduce((it, change) => nextConcurrency(it, { ...calmSample, ...change }, bounds), four)
      .concurrency

  test.each([{ databaseMs: 200 }, { loopDelayMs: 1_000 }])(
    'lasting trouble halves it: %o',
    (slow) => {
      expect(after(slow)).toBe(4)
      expect(after(slow, slow)).toBe(2)
      expect(after(slow, {}, slow)).toBe(4)
    },
  )

  test('a far database is no slow one', () => {
    const far = { databaseMs: 60 }
    const start = { ...four, floorMs: Number.POSITIVE_INFINITY }
    let tuning: Tuning = start
    for (let i = 0; i < 3; i += 1) {
      tuning = nextConcurrency(tuning, { ...calmSample, ...far }, bounds)
    }
    expect(tuning.concurrency).toBe(4)
  })

  test('while nothing waits it stays', () => {
    expect(after(...Array.from({ length: 100 }, () => ({ waiting: false })))).toBe(4)
  })
})

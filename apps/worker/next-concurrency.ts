export type Bounds = { readonly min: number; readonly max: number }

/** What was seen while the concurrency stayed what it is. */
export type Sample = {
  /** Lines a second that this worker settled. */
  own: number
  /** Lines a second that all workers settled. */
  system: number
  /** Whether jobs waited all the while: only then does one more in hand mean more work done. */
  waiting: boolean
  /** A small statement's time, the way to PostgreSQL included. */
  databaseMs: number
  /** The 99th percentile of the event loop's delay. */
  loopDelayMs: number
}

type Rates = Pick<Sample, 'own' | 'system'>
type Direction = 'up' | 'down'

export type Tuning = {
  readonly concurrency: number
  /** What the concurrency brings when nothing is being tried. */
  readonly base?: Rates
  /** One more or one less, on probation. */
  readonly trial?: { direction: Direction; passed: number }
  /** Samples until the next trial, and how many there will be after one that fails. */
  readonly calm: number
  readonly patience: number
  readonly next: Direction
  /** The shortest a statement took lately. */
  readonly floorMs: number
  readonly congested: boolean
}

const firstPatience = 3
const longestPatience = 64
/** In a row: one good sample may be luck. */
const samplesToPass = 2
/** Of its fair share, what one more in hand must bring to be taken, and to be kept: 1/n on top of n. */
const shareToClimb = 0.3
const shareToStay = 0.2
/** Of what this worker gains, what all workers must gain together: else it takes it from them. */
const shareOfAll = 0.5
const slowLoopMs = 300
const slowDatabaseMs = 50
const slowDatabaseTimes = 5

/** When nothing is known: at the start, after an outage, after a pause. */
export const freshTuning = ({ min }: Bounds): Tuning => ({
  concurrency: min,
  calm: firstPatience,
  patience: firstPatience,
  next: 'up',
  floorMs: Number.POSITIVE_INFINITY,
  congested: false,
})

/**
 * How many jobs to have in hand next: hill climbing by trials of one more or one less. A step must pay
 * with a fair part of what it would bring if nothing stood in its way, in this worker and in all of
 * them together, so that workers do not climb by taking from each other. The less trials bring, the
 * rarer they get. A database or an event loop that gets slow and stays so halves it at once.
 */
export const nextConcurrency = (tuning: Tuning, sample: Sample, bounds: Bounds): Tuning => {
  const floorMs = Math.min(tuning.floorMs * 1.05, sample.databaseMs)
  const congested =
    sample.loopDelayMs > slowLoopMs ||
    sample.databaseMs > Math.max(slowDatabaseMs, slowDatabaseTimes * floorMs)
  const seen = { ...tuning, floorMs, congested }
  if (congested && tuning.congested) return halve(seen, bounds)
  if (!sample.waiting) return tuning.trial ? goBack(seen, tuning.trial.direction) : seen
  return tuning.trial ? judge(seen, tuning.trial, sample, bounds) : maybeTry(seen, sample, bounds)
}

const halve = ({ concurrency, floorMs }: Tuning, bounds: Bounds): Tuning => ({
  ...freshTuning(bounds),
  concurrency: Math.max(bounds.min, Math.floor(concurrency / 2)),
  calm: 4 * firstPatience,
  floorMs,
})

const maybeTry = (tuning: Tuning, sample: Rates, { min, max }: Bounds): Tuning => {
  const base = tuning.base ? mean(tuning.base, sample) : sample
  const { concurrency } = tuning
  if (min === max || tuning.calm > 1) return { ...tuning, base, calm: Math.max(1, tuning.calm - 1) }
  const direction = concurrency <= min ? 'up' : concurrency >= max ? 'down' : tuning.next
  return {
    ...tuning,
    base,
    concurrency: concurrency + (direction === 'up' ? 1 : -1),
    trial: { direction, passed: 0 },
  }
}

const judge = (
  tuning: Tuning,
  { direction, passed }: { direction: Direction; passed: number },
  sample: Rates,
  bounds: Bounds,
): Tuning => {
  const base = tuning.base ?? sample
  const low = tuning.concurrency - (direction === 'up' ? 1 : 0)
  const passes =
    direction === 'up'
      ? pays(base, sample, low, shareToClimb)
      : !pays(sample, base, low, shareToStay)
  if (!passes) return failTrial(tuning, direction)
  if (passed + 1 < samplesToPass) return { ...tuning, trial: { direction, passed: passed + 1 } }
  const { trial: _, ...settled } = tuning
  // It pays to go on the same way: the next trial needs only one look at what it starts from.
  const { min, max } = bounds
  const atEnd = tuning.concurrency === (direction === 'up' ? max : min)
  const calm = atEnd ? 2 * firstPatience : 2
  return { ...settled, base: sample, calm, patience: 2 * firstPatience, next: direction }
}

/** Whether `high`, with one more than `low` jobs in hand, brings that share of what it could. */
const pays = (lower: Rates, higher: Rates, low: number, share: number) => {
  const gain = higher.own - lower.own
  return gain >= (share * lower.own) / low && higher.system - lower.system >= shareOfAll * gain
}

const failTrial = (tuning: Tuning, direction: Direction): Tuning => {
  const patience = Math.min(2 * tuning.patience, longestPatience)
  return { ...goBack(tuning, direction), patience, calm: patience }
}

const goBack = (tuning: Tuning, direction: Direction): Tuning => {
  const { trial: _, ...settled } = tuning
  return {
    ...settled,
    concurrency: tuning.concurrency + (direction === 'up' ? -1 : 1),
    calm: tuning.patience,
    next: direction === 'up' ? 'down' : 'up',
  }
}

const mean = (one: Rates, other: Rates): Rates => ({
  own: (one.own + other.own) / 2,
  system: (one.system + other.system) / 2,
})

import type { Failure } from './failure.ts'
import type { Answered, Judged } from './reading.ts'

/** A source that is being asked. */
export type Asking = {
  judged: Promise<Judged>
  /** It is no longer needed; the failure says why. */
  abandon(failure: Failure): void
}

export type Choice =
  /** `because`: what speaks against the primary, where the backup's answer is taken. */
  | { answered: Answered; because: Failure | undefined }
  | { answered: undefined; primary: Failure; backup: Failure | undefined }

const outpaced = (waitedMs: number): Failure => ({
  code: 'outpaced',
  detail: `no answer within ${Math.round(waitedMs)} ms, and the backup was faster`,
})
const notNeeded: Failure = { code: 'aborted', detail: 'the primary answered' }

const reasonAgainst = (judged: Judged): Failure =>
  judged.outcome === 'failed'
    ? judged.failure
    : { code: 'stale', detail: `its answer is as of ${judged.asOf.toISOString()}` }

/** The fresh one, first of all the primary's; of stale ones the latest. */
const best = (judged: readonly Judged[]): Answered | undefined => {
  const answered = judged.filter((it) => it.outcome !== 'failed')
  const fresh = answered.find(({ outcome }) => outcome === 'read')
  return fresh ?? answered.toSorted((a, b) => b.asOf.getTime() - a.asOf.getTime())[0]
}

const choose = (primary: Judged, backup: Judged | undefined): Choice => {
  const answered = best(backup ? [primary, backup] : [primary])
  if (answered) {
    const because = answered.source === 'backup' ? reasonAgainst(primary) : undefined
    return { answered, because }
  }
  return {
    answered,
    primary: reasonAgainst(primary),
    backup: backup && reasonAgainst(backup),
  }
}

/** Resolves with what the promise gives, or with undefined after so many milliseconds. */
const within = async <T>(promise: Promise<T>, ms: number): Promise<T | undefined> => {
  const { promise: over, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, ms, undefined)
  return Promise.race([promise, over]).finally(() => clearTimeout(timer))
}

/**
 * Asks the primary, and the backup when the primary has failed, knows only stale levels or, with
 * `hedgeAfterMs`, has not answered after so many milliseconds. The first fresh answer is taken and
 * the other source's abandoned.
 */
export const askEither = async (
  askPrimary: () => Asking,
  askBackup: (() => Asking) | undefined,
  hedgeAfterMs: number | undefined,
): Promise<Choice> => {
  const primary = askPrimary()
  if (!askBackup) return choose(await primary.judged, undefined)
  const early =
    hedgeAfterMs === undefined ? await primary.judged : await within(primary.judged, hedgeAfterMs)
  if (early?.outcome === 'read') return choose(early, undefined)

  const start = performance.now() - (hedgeAfterMs ?? 0)
  const backup = askBackup()
  const quicker = await Promise.race([primary.judged, backup.judged])
  if (!early && quicker.outcome === 'read') {
    if (quicker.source === 'primary') {
      backup.abandon(notNeeded)
      return choose(quicker, undefined)
    }
    const because = outpaced(performance.now() - start)
    primary.abandon(because)
    return { answered: quicker, because }
  }
  return choose(await primary.judged, await backup.judged)
}

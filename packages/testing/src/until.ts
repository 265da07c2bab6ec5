export interface UntilOptions {
  /** Milliseconds; default 10,000. */
  timeoutMs?: number
  /** Milliseconds between two tries; default 50. */
  everyMs?: number
  /** What is waited for, as it reads after "Timed out waiting for". */
  describe: string
}

/**
 * Polls until the condition gives something truthy and resolves with it. A condition that throws
 * counts as not yet true.
 * @throws Error naming what was waited for and what the last try gave or threw
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 50, describe }: UntilOptions,
): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const { value, error } = await attempt(condition)
    if (value) return value as Exclude<NonNullable<T>, false>
    if (performance.now() >= deadline) {
      const last =
        error === undefined ? `the last value was ${String(value)}` : 'the last try threw'
      throw new Error(`Timed out after ${timeoutMs} ms waiting for ${describe}: ${last}`, {
        cause: error,
      })
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

async function attempt<T>(
  condition: () => T | Promise<T>,
): Promise<{ value?: T; error?: unknown }> {
  try {
    return { value: await condition() }
  } catch (error) {
    return { error }
  }
}

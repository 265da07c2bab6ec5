/** @returns what is wrong, or undefined */
export type HealthCheck = () => Promise<string | undefined>

export type Readiness = { ready: boolean; checks: Record<string, string> }

/** A check that hangs is a check that failed. */
const checkTimeoutMs = 1_500

/** Runs all checks at once; each answers `ok` or what is wrong. */
export const checkReadiness = async (
  checks: Readonly<Record<string, HealthCheck>>,
): Promise<Readiness> => {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await run(check)] as const),
  )
  return {
    ready: results.every(([, fault]) => fault === undefined),
    checks: Object.fromEntries(results.map(([name, fault]) => [name, fault ?? 'ok'])),
  }
}

const run = async (check: HealthCheck): Promise<string | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, checkTimeoutMs, `no answer within ${checkTimeoutMs} ms`)
  })
  const checked = check().catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  )
  try {
    return await Promise.race([checked, timeout])
  } finally {
    clearTimeout(timer)
  }
}

export type Fault = {
  /** JSON Pointer. */
  path: string
  message: string
}

export type Problem = {
  title: string
  status: number
  detail: string
  code: string
  requestId?: string
  errors?: Fault[]
}

/** What the API says is wrong: tell problems apart by `code`, which is stable. */
export class InventoryRpaError extends Error {
  override readonly name: string = 'InventoryRpaError'
  readonly code: string
  /** Of the answer; 0 if there was none. */
  readonly status: number
  readonly detail: string
  /** Of a request that is not valid, each fault. */
  readonly errors: readonly Fault[]
  /** What the API's log knows the request by. */
  readonly requestId: string | undefined
  /** When the API asked to be left alone. */
  readonly retryAfterMs: number | undefined

  constructor(
    problem: Problem,
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    const { retryAfterMs, ...cause } = options
    super(`${problem.title}: ${problem.detail}`, cause)
    this.code = problem.code
    this.status = problem.status
    this.detail = problem.detail
    this.errors = problem.errors ?? []
    this.requestId = problem.requestId
    this.retryAfterMs = retryAfterMs
  }
}

/** There was no answer: whether the request arrived is unknown, unless `wasSent` is false. */
export class UnreachableError extends InventoryRpaError {
  override readonly name = 'UnreachableError'
  readonly wasSent: boolean

  constructor(url: string, cause: unknown) {
    const reason = reasonOf(cause)
    const detail = `${new URL(url).origin} did not answer (${reason})`
    super({ title: 'The API cannot be reached', status: 0, code: 'unreachable', detail }, { cause })
    this.wasSent = !neverSent.has(reason)
  }
}

const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])

const reasonOf = (error: unknown): string => {
  const { code, name, message, cause } = error as Record<string, unknown>
  if (name === 'TimeoutError') return 'timeout'
  if (cause) return reasonOf(cause)
  return String(typeof code === 'string' ? code : message)
}

const longestProblem = 65_536

/** Of an answer that is not a success, whoever on the way gave it. */
export const errorOf = async (response: Response): Promise<InventoryRpaError> => {
  const text = await response.text().catch(() => '')
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'))
  return new InventoryRpaError(problemOf(response, text.slice(0, longestProblem)), { retryAfterMs })
}

const problemOf = ({ status, statusText }: Response, text: string): Problem => {
  try {
    const problem = JSON.parse(text) as Problem
    if (typeof problem.code === 'string') return problem
  } catch {
    // A proxy's page, perhaps.
  }
  const detail = `the answer was ${status} ${statusText}, and not one of InventoryRPA's`.trim()
  return { title: 'Another answer than expected', status, code: `http-${status}`, detail }
}

/** Seconds, or a date. */
export const readRetryAfter = (header: string | null, now = Date.now()): number | undefined => {
  if (header === null) return undefined
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestSystem } from './test-system.ts'
import { until } from './until.ts'

type Caller = Pick<TestSystem, 'call'>

export interface SubmitOptions {
  /** Lines a request carries; default 1,000. */
  bodyLines?: number
  /** Requests under way at once; default 4. */
  concurrency?: number
}

/** Milliseconds one request keeps trying; every answer but 202 and a retryable one is an error. */
const patienceMs = 60_000
const retryable = new Set([409, 429, 503])

/**
 * Submits lines as a careful client does: each body under one Idempotency-Key until it is a 202,
 * however often the connection breaks. Lines of one level must not be in different bodies if their
 * order matters. @returns the batch ids
 */
export async function submitLines(
  system: Caller,
  lines: readonly object[],
  { bodyLines = 1_000, concurrency = 4 }: SubmitOptions = {},
): Promise<string[]> {
  const bodies: string[] = []
  for (let from = 0; from < lines.length; from += bodyLines) {
    const part = lines.slice(from, from + bodyLines)
    bodies.push(JSON.stringify({ negativeStock: 'allow', lines: part }))
  }
  const ids: string[] = []
  const next = bodies.values()
  const sender = async () => {
    for (const body of next) ids.push(await submitBody(system, body))
  }
  await Promise.all(Array.from({ length: concurrency }, sender))
  return ids
}

async function submitBody(system: Caller, body: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
  const deadline = performance.now() + patienceMs
  for (;;) {
    const answer = await system
      .call('/v1/batches', { method: 'POST', headers, body })
      .catch((error: Error) => error)
    if (!(answer instanceof Error)) {
      if (answer.status === 202) return ((await answer.json()) as { id: string }).id
      if (!retryable.has(answer.status)) throw new Error(`${answer.status}: ${await answer.text()}`)
    }
    if (performance.now() > deadline) throw new Error('no 202 in time', { cause: answer })
    await delay(200)
  }
}

export interface BatchAnswer {
  id: string
  state: string
  counts: Record<'total' | 'pending' | 'applied' | 'rejected' | 'dead', number>
}

export async function getBatch(system: Caller, id: string): Promise<BatchAnswer> {
  const answer = await system.call(`/v1/batches/${id}`)
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as BatchAnswer
}

export function untilCompleted(system: Caller, id: string, timeoutMs = 60_000) {
  return until(
    async () => {
      const batch = await getBatch(system, id)
      return batch.state === 'completed' ? batch : undefined
    },
    { timeoutMs, everyMs: 100, describe: `batch ${id} completed` },
  )
}

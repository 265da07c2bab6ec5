import { Pool } from 'undici'
import type { Target } from './contestant.ts'

/** A body that takes this long is lost; the round with it. */
const answerTimeoutMs = 30_000

export type Sender = AsyncDisposable & {
  /** @returns the id in the answer @throws Error unless the answer is a 202 */
  post(body: Buffer): Promise<string>
}

/** Keeps `connections` connections alive; each has one request under way at most. */
export const openSender = (target: Target, connections: number): Sender => {
  const pool = new Pool(target.origin, {
    connections,
    pipelining: 1,
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
  })
  const headers = { ...target.headers, 'content-type': 'application/json' }
  return {
    post: async (body) => {
      const answer = await pool.request({ method: 'POST', path: target.path, headers, body })
      const text = await answer.body.text()
      if (answer.statusCode !== 202) {
        throw new Error(`a body was answered ${answer.statusCode}: ${text.slice(0, 300)}`)
      }
      return JSON.parse(text).id
    },
    [Symbol.asyncDispose]: () => pool.close(),
  }
}

/** Posts every body once. @returns seconds from the first byte sent to the last 202 */
export const submitAll = async (
  target: Target,
  bodies: readonly Buffer[],
  connections: number,
): Promise<number> => {
  await using sender = openSender(target, connections)
  const started = performance.now()
  let next = 0
  const sendOneByOne = async () => {
    for (let body = bodies[next++]; body; body = bodies[next++]) await sender.post(body)
  }
  await Promise.all(Array.from({ length: connections }, sendOneByOne))
  return (performance.now() - started) / 1_000
}

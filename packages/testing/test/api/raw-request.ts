import { request } from 'node:http'
import { text } from 'node:stream/consumers'

/** Sends the path as it is written, which `fetch` would tidy up first. */
export const rawRequest = (
  url: string,
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: string }> => {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  const sent = request({ hostname, port, path, method, headers, agent: false }, (answer) => {
    text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject)
  })
  sent.once('error', reject)
  sent.end()
  return promise
}

import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import {
  type Document,
  type FuzzedOperation,
  isJson,
  operationsOf,
  readDocument,
} from './fuzz-document.ts'
import { type FuzzedRequest, requestsOf } from './fuzz-requests.ts'
import { useSystem } from './shared-system.ts'

const system = useSystem({
  workers: 1,
  env: {
    RATE_LIMIT_PER_SECOND: '0',
    // Syncs are accepted, and wait.
    STOCK_SOURCE_URL: 'http://127.0.0.1:1',
    STOCK_SOURCE_ALLOW_PRIVATE: 'true',
  },
})

const seed = 20101201
const requestsEach = 60
const neverIssued = `irpa_0123456789ab_${'x'.repeat(43)}`

type Answer = {
  status: number
  type: string | undefined
  retryAfter: string | null
  text: string
}

let document: Document
let operations: FuzzedOperation[]
let powerless: string
const ajv = new Ajv2020({ strict: false, validateSchema: false })
addFormats.default(ajv)

beforeAll(async () => {
  document = await readDocument(system.apiUrl)
  operations = operationsOf(document)
  powerless = (await system.createKey({ scopes: ['batches:approve'] })).key
  ajv.addSchema(document, 'document')
})

/** What answers named, by the name that they gave it: so that requests find what there is. */
const seen = new Map<string, Set<string>>()
const notice = (value: unknown): void => {
  if (typeof value !== 'object' || value === null) return
  for (const [name, child] of Object.entries(value)) {
    if (typeof child === 'string' && child && !system.apiKey.includes(child)) {
      seen.set(name, (seen.get(name) ?? new Set()).add(child))
    } else notice(child)
  }
}
const seenAt = (name: string, index: number) => {
  const values = [...(seen.get(name) ?? [])]
  return values[index % Math.max(1, values.length)]
}

/** Answers call the cursor of the next page otherwise. */
const answeredAs = (name: string) => (name === 'cursor' ? 'nextCursor' : name)

const escaped = (value: string) => encodeURIComponent(value.toWellFormed())

const send = async (
  { method, template }: FuzzedOperation,
  request: FuzzedRequest,
  index: number,
): Promise<Answer> => {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    escaped(request.path[name] ?? seenAt(name, index) ?? crypto.randomUUID()),
  )
  const query = request.query
    .map(([name, value = seenAt(answeredAs(name), index)]) => value && `${name}=${escaped(value)}`)
    .filter((part) => part)
    .join('&')
  const key = { admin: system.apiKey, unknown: neverIssued, powerless, none: undefined }[request.as]
  // A stream of events goes on: its head is all that is looked at.
  const stop = new AbortController()
  const answer = await fetch(`${system.apiUrl}${path}${query && `?${query}`}`, {
    method,
    headers: { ...request.headers, ...(key && { authorization: `Bearer ${key}` }) },
    ...(request.body !== undefined && { body: request.body }),
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]),
  })
  const type = answer.headers.get('content-type')?.split(';')[0]
  const isStream = type === 'text/event-stream'
  const text = isStream ? '' : await answer.text()
  if (isStream) stop.abort()
  return { status: answer.status, type, retryAfter: answer.headers.get('retry-after'), text }
}

/** What the document does not allow of an answer, in words. */
const faultOf = (operation: FuzzedOperation, { status, type, retryAfter, text }: Answer) => {
  if (status >= 500) return 'a failure of the server'
  const declared = operation.responses[status]
  if (!declared) return 'an undeclared status'
  if (status === 429 && retryAfter === null) return 'no Retry-After'
  if (!declared.content) return text === '' ? undefined : 'a body where none is declared'
  if (type === undefined || !(type in declared.content)) return `the undeclared type ${type}`
  if (!isJson(type)) return undefined
  const body: unknown = JSON.parse(text)
  const path = ['paths', operation.template, operation.method.toLowerCase(), 'responses', status]
  const at = [...path, 'content', type, 'schema'].map(escapedPointer).join('/')
  const validate = ajv.getSchema(`document#/${at}`)
  if (!validate) return 'no schema'
  if (!validate(body)) return ajv.errorsText(validate.errors)
  notice(body)
  const { examples } = declared.content[type] ?? {}
  const { code } = body as { code?: string }
  if (status >= 400 && !Object.keys(examples ?? {}).includes(code ?? '')) {
    return `the undeclared problem ${code}`
  }
  return undefined
}

const escapedPointer = (part: string | number) =>
  encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'))

test('whatever is sent to whichever operation, the answer is one that the document declares', async () => {
  const faults: string[] = []
  const statuses = new Map<string, Map<number, number>>()
  const rounds = operations.map((operation, index) => ({
    operation,
    requests: fc.sample(requestsOf(operation, document), {
      seed: seed + index,
      numRuns: requestsEach,
    }),
  }))
  // In turns, so that what one operation makes the next ones find.
  for (let round = 0; round < requestsEach; round++) {
    for (const { operation, requests } of rounds) {
      const request = requests[round] as FuzzedRequest
      const answer = await send(operation, request, round)
      const counted = statuses.get(operation.operationId) ?? new Map()
      statuses.set(operation.operationId, counted)
      counted.set(answer.status, (counted.get(answer.status) ?? 0) + 1)
      const fault = faultOf(operation, answer)
      if (fault) {
        const sent = JSON.stringify(request).slice(0, 600)
        faults.push(
          `${operation.operationId} ${answer.status}: ${fault}\n  sent ${sent}\n  got ${answer.text.slice(0, 300)}`,
        )
      }
    }
  }
  expect(faults.join('\n')).toBe('')

  // A run that only meets refusals has tried nothing.
  const met = (operationId: string, status: (it: number) => boolean) =>
    [...(statuses.get(operationId)?.keys() ?? [])].some(status)
  const names = operations.map(({ operationId }) => operationId)
  expect(names.filter((name) => !met(name, (status) => status === 401))).toEqual([])
  const neverServed = names.filter((name) => !met(name, (status) => status < 300))
  expect(neverServed.length, neverServed.join()).toBeLessThanOrEqual(names.length / 4)
}, 300_000)

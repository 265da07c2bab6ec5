import {
  type Problem,
  type ProblemCode,
  problemContentType,
  problems,
} from '@inventoryrpa/contracts'
import type { OpenAPIV3_1 } from 'openapi-types'

const successes: Readonly<Record<string, string>> = {
  200: 'What was asked for.',
  201: 'It is made.',
  202: 'It is stored, and will be done.',
  204: 'It is done.',
}
const unsaid = 'Default Response'

const retryAfter: OpenAPIV3_1.HeaderObject = {
  description: 'Seconds until it is worth asking again.',
  schema: { type: 'integer', minimum: 1, example: 2 },
}
const headersOf: Readonly<Record<string, Record<string, OpenAPIV3_1.HeaderObject>>> = {
  401: {
    'WWW-Authenticate': { description: 'Bearer', schema: { type: 'string', example: 'Bearer' } },
  },
  429: { 'Retry-After': retryAfter },
  503: { 'Retry-After': retryAfter },
}

const location = {
  description: 'Where it is.',
  schema: { type: 'string' },
} satisfies OpenAPIV3_1.HeaderObject
const replayed = {
  description: 'true: it was accepted before, by a request with the same Idempotency-Key and body.',
  schema: { type: 'string', enum: ['true'] },
} satisfies OpenAPIV3_1.HeaderObject
const successHeaders: Readonly<Record<string, Record<string, OpenAPIV3_1.HeaderObject>>> = {
  submitBatch: {
    Location: location,
    'Idempotent-Replayed': replayed,
    'Retry-After': {
      ...retryAfter,
      description: 'Seconds until the stock source that it needs is tried again, while it is down.',
    },
  },
  reverseBatch: { Location: location },
  redriveDeadLetters: { Location: location },
}

const details: Partial<Record<ProblemCode, string>> = {
  'invalid-request': 'the body has 1 faults',
  unauthorized: 'the API key is unknown, revoked or was rotated',
  forbidden: 'the API key lacks the scope batches:write',
  'rate-limited': 'a key may send 1000 requests a second',
  'backlog-full': 'too many of your lines wait to be applied; nothing was stored',
  unavailable: 'the ledger cannot be reached; nothing is known to be stored',
}

const exampleOf = (code: ProblemCode): Problem => ({
  type: `urn:inventoryrpa:problem:${code}`,
  title: problems[code].title,
  status: problems[code].status,
  detail: details[code] ?? problems[code].title,
  code,
  requestId: '5b0c9f4e-7c0a-4b6e-9a44-0f8a3c1d2e5f',
  ...(code === 'invalid-request' && {
    errors: [{ path: '/lines/0/quantity', message: 'must be a decimal' }],
  }),
})

/**
 * What neither the schemas nor the framework can say of a response: its headers, an example of each
 * problem, and what a success means.
 */
export const describeResponse = (
  operationId: string,
  status: string,
  response: OpenAPIV3_1.ResponseObject,
  codes: readonly ProblemCode[],
): OpenAPIV3_1.ResponseObject => {
  const problem = response.content?.[problemContentType]
  const headers = {
    ...response.headers,
    ...headersOf[status],
    ...(status.startsWith('2') && successHeaders[operationId]),
  }
  return {
    ...response,
    description:
      response.description === unsaid
        ? (successes[status] ?? response.description)
        : response.description,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(problem && {
      content: {
        ...response.content,
        [problemContentType]: {
          ...problem,
          examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
        },
      },
    }),
  }
}

import { z } from 'zod'

/** Every problem the API answers, by its stable code. */
export const problems = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'The API key lacks a scope' },
  'own-batch': { status: 403, title: 'Its own sender cannot decide on a batch' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'batch-state': { status: 409, title: 'The batch is not in a state that allows this' },
  'plan-mismatch': { status: 409, title: 'The plan is not the one that was looked at' },
  'nothing-applied': { status: 409, title: 'The batch moved nothing' },
  'already-reversed': { status: 409, title: 'The batch was reversed before' },
  'idempotency-conflict': { status: 409, title: 'A request with this key is still running' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'idempotency-mismatch': { status: 422, title: 'This key was used with another body' },
  'no-stock-source': { status: 422, title: 'No stock source is configured' },
  'no-webhook-secret': { status: 422, title: 'There is no secret to sign webhooks with' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'backlog-full': { status: 429, title: 'Too many lines wait already' },
  'internal-error': { status: 500, title: 'Something went wrong here' },
  unavailable: { status: 503, title: 'The service cannot answer right now' },
} as const
export type ProblemCode = keyof typeof problems

/** RFC 9457, with a stable `code` and, for bad input, every offending path. */
export const problem = z
  .object({
    type: z.string().meta({ examples: ['urn:inventoryrpa:problem:invalid-request'] }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
    errors: z
      .array(
        z.object({
          path: z.string().meta({ description: 'JSON Pointer', examples: ['/lines/0/quantity'] }),
          message: z.string(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem' })
export type Problem = z.infer<typeof problem>

export const problemContentType = 'application/problem+json'

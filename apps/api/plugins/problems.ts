import {
  type Problem,
  type ProblemCode,
  problemContentType,
  problems,
} from '@inventoryrpa/contracts'
import {
  InvalidCursorError,
  LedgerConflictError,
  LedgerUnavailableError,
} from '@inventoryrpa/ledger'
import type {
  FastifyError,
  FastifyReply,
  FastifyRequest,
  FastifySchemaValidationError,
} from 'fastify'
import fp from 'fastify-plugin'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'

type Fault = { path: string; message: string }

/** Thrown by a handler to answer a problem. `detail` is for the reader; `code` is for the program. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code: ProblemCode
  readonly errors: Fault[] | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ProblemCode,
    detail: string,
    {
      errors,
      retryAfterSeconds,
      cause,
    }: { errors?: Fault[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause })
    this.code = code
    this.errors = errors
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type ProblemsOptions = { report: (error: unknown, context: Record<string, unknown>) => void }

/** How long a client should wait before it asks again when PostgreSQL is away: as the queues are held. */
const shortestRetrySeconds = 2
const longestRetrySeconds = 10
/** An outage that nobody met for so long is over. */
const forgottenAfterMs = 30_000

/** Grows with the outage: a third of the time it has lasted. */
const createRetryAfter = () => {
  let began = 0
  let lastMet = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - lastMet > forgottenAfterMs) began = now
    lastMet = now
    const grown = Math.ceil((now - began) / 3_000)
    return Math.min(Math.max(grown, shortestRetrySeconds), longestRetrySeconds)
  }
}

/** Every error leaves as an RFC 9457 problem: its cause goes to the log, never to the client. */
export const problemsPlugin = fp<ProblemsOptions>(
  async (app, { report }) => {
    const outageRetryAfter = createRetryAfter()
    app.setErrorHandler((error, request, reply) => {
      const problem = problemOf(error, outageRetryAfter)
      const { status } = problems[problem.code]
      if (status >= 500) request.log.error({ err: error }, problem.message)
      if (status === 500) report(error, { requestId: request.id, route: request.routeOptions.url })
      return sendProblem(request, reply, problem)
    })
    app.setNotFoundHandler((request, reply) =>
      sendProblem(
        request,
        reply,
        new ProblemError(
          'not-found',
          `no route for ${request.method} ${request.url.split('?')[0]}`,
        ),
      ),
    )
  },
  { name: 'problems' },
)

/** For errors that come before any route: a path that cannot be decoded. */
export const answerFrameworkError = (
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
) =>
  sendProblem(
    request,
    reply,
    problemOf(error, () => shortestRetrySeconds),
  )

const sendProblem = (request: FastifyRequest, reply: FastifyReply, problem: ProblemError) => {
  const { status, title } = problems[problem.code]
  const body: Problem = {
    type: `urn:inventoryrpa:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    requestId: request.id,
    ...(problem.errors && { errors: problem.errors }),
  }
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds))
  }
  return reply
    .code(status)
    .type(problemContentType)
    .serializer((value: unknown) => JSON.stringify(value))
    .send(body)
}

/** @param outageRetryAfter seconds, asked for when the error is an outage */
const problemOf = (error: unknown, outageRetryAfter: () => number): ProblemError => {
  const unavailable = (detail: string) =>
    new ProblemError('unavailable', detail, {
      retryAfterSeconds: outageRetryAfter(),
      cause: error,
    })
  if (error instanceof ProblemError) return error
  if (error instanceof LedgerUnavailableError || error instanceof LedgerConflictError) {
    return unavailable('the ledger cannot be reached; nothing is known to be stored')
  }
  if (error instanceof InvalidCursorError) {
    return new ProblemError('invalid-request', error.message, {
      errors: [{ path: '/cursor', message: error.message }],
    })
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.flatMap(faultsOf)
    const part = error.validationContext ?? 'request'
    return new ProblemError('invalid-request', `the ${part} has ${errors.length} faults`, {
      errors,
    })
  }
  const { code, message } = error as FastifyError
  const known = typeof code === 'string' ? fastifyProblems[code] : undefined
  if (known === 'unavailable') return unavailable('no answer in time; ask again')
  if (known) return new ProblemError(known, message, { cause: error })
  if ((error as FastifyError).statusCode === 400)
    return new ProblemError('invalid-request', message)
  return new ProblemError('internal-error', 'the fault has been recorded', { cause: error })
}

/** Fastify's own errors by its codes: https://fastify.dev/docs/latest/Reference/Errors */
const fastifyProblems: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid-request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid-request',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid-request',
  FST_ERR_BAD_URL: 'invalid-request',
  FST_ERR_MAX_PARAM_LENGTH: 'invalid-request',
  FST_ERR_HANDLER_TIMEOUT: 'unavailable',
}

/** A field that is not allowed is at fault itself, not the object that holds it. */
const faultsOf = ({
  instancePath,
  keyword,
  message,
  params,
}: FastifySchemaValidationError): Fault[] => {
  const path = instancePath === '/' ? '' : instancePath
  if (keyword !== 'unrecognized_keys') return [{ path, message: message ?? 'is not valid' }]
  return (params.keys as string[]).map((key) => ({
    path: `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    message: 'is not allowed here',
  }))
}

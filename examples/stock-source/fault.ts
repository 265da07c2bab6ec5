import { z } from 'zod'

const mode = <M extends string, S extends z.ZodRawShape = Record<never, never>>(
  name: M,
  shape?: S,
) => z.strictObject({ mode: z.literal(name), ...(shape as S) })

/** Seconds, or an HTTP date. */
const retryAfter = z.string().optional()
const delayMs = z.int().min(0)

/** How the server answers `POST /v1/on-hand` until it is told otherwise. */
export const fault = z.discriminatedUnion('mode', [
  mode('none'),
  mode('slow', { delayMs }),
  mode('500'),
  mode('503', { retryAfter }),
  mode('429', { retryAfter }),
  mode('redirect', { to: z.string() }),
  mode('hang'),
  mode('trickle', { everyMs: z.int().min(1).default(50) }),
  mode('reset'),
  mode('reset-in-body'),
  mode('garbage'),
  mode('not-json'),
  mode('endless'),
  mode('bomb'),
  mode('wrong-schema'),
  // Every n-th request is answered, the others fail with 500.
  mode('flapping', { every: z.int().min(2).default(2) }),
  mode('lag', { lagMs: z.int() }),
  mode('lie'),
  mode('omit'),
  mode('repeat'),
  mode('add'),
  // Gives back what it was sent, the credential too.
  mode('echo'),
])

export type Fault = z.infer<typeof fault>

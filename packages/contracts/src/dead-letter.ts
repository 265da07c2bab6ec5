import { z } from 'zod'
import { instantAnswer } from './instant.ts'
import { lineTypes } from './line.ts'

/** Its parts are percent-encoded. */
const fingerprint = z
  .string()
  .regex(/^[\x21-\x7e]{1,1024}$/, {
    error: 'must be 1 to 1024 printable ASCII characters, without blanks',
  })
  .meta({
    description: 'Names failures of one cause: error, location and stock source.',
    examples: ['23514:Leeds:ledger'],
  })

export const deadLetterGroup = z
  .object({
    fingerprint,
    code: z.string(),
    message: z.string().meta({ description: 'Of the latest one.' }),
    lines: z.int(),
    firstDeadAt: instantAnswer,
    lastDeadAt: instantAnswer,
  })
  .meta({ id: 'DeadLetterGroup' })
export type DeadLetterGroup = z.infer<typeof deadLetterGroup>

export const failedAttempt = z
  .object({
    attempt: z.int().meta({ description: 'From 1; counted anew after a redrive.' }),
    class: z.string().meta({ description: 'transient, throttled or unrecoverable.' }),
    code: z.string(),
    message: z.string(),
    worker: z.string(),
    startedAt: instantAnswer,
    seconds: z.number(),
  })
  .meta({ id: 'FailedAttempt' })

export const deadLetter = z
  .object({
    id: z.string().meta({ description: 'Also the id of its failed job.' }),
    batchId: z.uuid(),
    line: z.int().nullable(),
    type: z.enum(lineTypes).nullable(),
    sku: z.string().nullable(),
    location: z.string().nullable(),
    reference: z.string().nullable(),
    fingerprint,
    code: z.string(),
    message: z.string(),
    deadAt: instantAnswer,
    attempts: z.array(failedAttempt).meta({
      description: 'Oldest first; with those of the chunk it was singled out of.',
    }),
  })
  .meta({ id: 'DeadLetter' })
export type DeadLetter = z.infer<typeof deadLetter>

/** Which dead letters; all that is given must hold. */
export const deadLetterFilter = {
  fingerprint: fingerprint.optional(),
  batchId: z.uuid().optional(),
}

/** Dead letters that one redrive may take. */
export const maxRedriveLimit = 1_000_000

export const redriveRequest = z
  .strictObject({
    ...deadLetterFilter,
    id: z
      .string()
      .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d{1,9}$/, {
        error: 'must be the id of a dead letter',
      })
      .optional()
      .meta({ description: 'One dead letter.' }),
    limit: z.int().min(1).max(maxRedriveLimit).default(maxRedriveLimit),
    canary: z.int().min(0).max(1_000).default(0).meta({
      description: 'So many first; the others only when all of these were applied.',
    }),
    ratePerSecond: z.number().positive().max(100_000).optional(),
  })
  .meta({ id: 'RedriveRequest', examples: [{ fingerprint: '23514:Leeds:ledger', canary: 1 }] })

export const redrive = z
  .object({
    id: z.uuid(),
    state: z.enum(['canary', 'running', 'done', 'stopped']).meta({
      description:
        'canary: waits for the first ones. stopped: one of them failed again. done: none is left to take.',
    }),
    redriven: z.int().meta({ description: 'Dead letters that are pending again or ended since.' }),
    limit: z.int(),
    createdAt: instantAnswer,
    endedAt: instantAnswer.nullable(),
  })
  .meta({ id: 'Redrive' })
export type Redrive = z.infer<typeof redrive>

import { z } from 'zod'
import { eventType } from './event.ts'
import { instantAnswer } from './instant.ts'

export const deliveryStates = ['pending', 'delivered', 'failed'] as const
export const deliveryState = z.enum(deliveryStates).meta({
  description:
    'failed: its receiver answered 410, or did not take it within a day. It can be replayed.',
})
export type DeliveryState = z.infer<typeof deliveryState>

/** One event on its way to one receiver. */
export const webhookDelivery = z
  .object({
    id: z.uuid().meta({ description: 'The webhook-id of each attempt.' }),
    batchId: z.uuid(),
    type: eventType,
    url: z.string(),
    state: deliveryState,
    attempts: z.int(),
    nextAttemptAt: instantAnswer.nullable(),
    expiresAt: instantAnswer.meta({ description: 'It is not attempted again after that.' }),
    createdAt: instantAnswer,
    settledAt: instantAnswer.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })
export type WebhookDelivery = z.infer<typeof webhookDelivery>

export const webhookAttempt = z
  .object({
    attempt: z.int(),
    status: z.int().nullable().meta({ description: 'Of the answer, if there was one.' }),
    error: z
      .string()
      .nullable()
      .meta({
        description:
          'Why it does not count as delivered. interrupted: it is under way, or its worker ended.',
        examples: ['timeout', 'address_refused'],
      }),
    seconds: z.number(),
    attemptedAt: instantAnswer,
  })
  .meta({ id: 'WebhookAttempt' })
export type WebhookAttempt = z.infer<typeof webhookAttempt>

export const webhookDeliveryWithLog = webhookDelivery
  .extend({ log: z.array(webhookAttempt), payload: z.string() })
  .meta({ id: 'WebhookDeliveryWithLog' })
export type WebhookDeliveryWithLog = z.infer<typeof webhookDeliveryWithLog>

export const webhookSecret = z
  .object({
    secret: z.string().meta({
      description: 'Shown this once. As libraries for Standard Webhooks take it.',
      examples: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'],
    }),
    formerSignsUntil: instantAnswer.nullable().meta({
      description: 'Until then webhooks carry a second signature, by the secret before this one.',
    }),
  })
  .meta({ id: 'WebhookSecret' })
export type WebhookSecret = z.infer<typeof webhookSecret>

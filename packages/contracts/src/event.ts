import { z } from 'zod'
import { batch } from './batch.ts'
import { instantAnswer } from './instant.ts'

/** What a batch tells the world: each once, in the transaction that makes it true. */
export const eventTypes = [
  'batch.previewed',
  'batch.awaiting_approval',
  'batch.completed',
  'batch.cancelled',
] as const
export const eventType = z.enum(eventTypes)
export type EventType = z.infer<typeof eventType>

/** As in a webhook's body and in the `data` of a server-sent event. */
export const event = z
  .object({
    id: z.string().meta({ description: 'They grow in the order in which things happened.' }),
    type: eventType,
    timestamp: instantAnswer,
    data: batch.meta({ description: 'The batch as it was then: its counts add up to its total.' }),
  })
  .meta({ id: 'Event' })
export type Event = z.infer<typeof event>

/** Between the events of a batch, and never twice the same. Not numbered: nothing resumes after it. */
export const batchProgress = z
  .object({
    type: z.literal('batch.progress'),
    timestamp: instantAnswer,
    data: batch.meta({ description: 'The batch as it is now.' }),
  })
  .meta({ id: 'BatchProgress' })
export type BatchProgress = z.infer<typeof batchProgress>

/** The number of the last event that was seen: only those after it are sent. */
export const lastEventId = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'must be the id of an event' })
  .meta({ id: 'LastEventId', examples: ['41'] })

import type { QueueKind } from '@inventoryrpa/contracts'

/** Every queue there is, by what its jobs do. A new queue starts with a line here. */
export const queueNames = {
  apply: 'inventory-apply',
  express: 'inventory-express',
  sync: 'inventory-sync',
  plan: 'inventory-plan',
} as const satisfies Record<QueueKind, string>
/** Of webhooks, which have no chunks. */
export const webhookQueueName = 'webhook-deliveries'
export type QueueName = (typeof queueNames)[QueueKind] | typeof webhookQueueName

export const jobNames = {
  applyChunk: 'apply-chunk',
  releaseHeld: 'release-held',
  submitSync: 'submit-sync',
  deliverWebhook: 'deliver-webhook',
} as const

/** One job an attempt, so that one that is done is in nobody's way. */
export const webhookJobId = ({ id, attempt }: { id: string; attempt: number }) => `${id}-${attempt}`

/** One job a chunk, and the same id however often it is added. BullMQ refuses a colon in it. */
export const chunkJobId = ({ batchId, chunk }: { batchId: string; chunk: number }) =>
  `${batchId}-${chunk}`

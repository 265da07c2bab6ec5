import { z } from 'zod'

/**
 * The queues of chunks: `apply` for what the ledger alone can settle, `express` for the small batches of
 * that, which are not to wait for large ones, `sync` for what needs the stock source, and `plan` for what
 * is looked at before it is applied.
 */
export const queueKinds = ['apply', 'express', 'sync', 'plan'] as const
export type QueueKind = (typeof queueKinds)[number]

/** A reference to a chunk: the lines stay in PostgreSQL. `v` grows when old workers could not read it. */
export const applyChunkJob = z.strictObject({
  v: z.literal(1),
  batchId: z.uuid(),
  chunk: z.int().min(0),
  /** It ended the process that applied it: in a process of its own from the start. */
  isolated: z.literal(true).optional(),
})
export type ApplyChunkJob = z.infer<typeof applyChunkJob>

/** A settled chunk of which lines are held. */
export const releaseHeldJob = z.strictObject({
  v: z.literal(1),
  batchId: z.uuid(),
  chunk: z.int().min(0),
})
export type ReleaseHeldJob = z.infer<typeof releaseHeldJob>

/** One turn of a schedule. */
export const submitSyncJob = z.strictObject({ v: z.literal(1), scheduleId: z.uuid() })
export type SubmitSyncJob = z.infer<typeof submitSyncJob>

/** A webhook delivery that is due; PostgreSQL has its address and its payload. */
export const deliverWebhookJob = z.strictObject({ v: z.literal(1), deliveryId: z.uuid() })
export type DeliverWebhookJob = z.infer<typeof deliverWebhookJob>

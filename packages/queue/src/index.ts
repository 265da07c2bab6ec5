export { type BackendOptions, createBackend, type QueueBackend } from './backend.ts'
export {
  type Consumer,
  type ConsumerOptions,
  type JobHandler,
  type JobRun,
  type PutBack,
  startConsumer,
} from './consumer.ts'
export { type DueJobs, measureDueJobs } from './due-jobs.ts'
export { chunkJobId, jobNames, type QueueName, queueNames, webhookQueueName } from './names.ts'
export { type LinesAhead, type PlaceDeps, placeChunks } from './place-chunks.ts'
export { migrateQueueBackend } from './postgres-backend.ts'
export { createProducer, type Producer, type QueuedChunk } from './producer.ts'
export { measureQueues, type QueueCounts } from './queue-counts.ts'
export {
  backoffDelayMs,
  classify,
  type ErrorClass,
  freshAttempts,
  type RetryPolicy,
} from './retry-policy.ts'
export type { QueueSchedule } from './schedules.ts'
export { highestTag } from './tags.ts'
export { createTenantPositions, type TenantBacklog } from './tenant-positions.ts'
export { startWhenUsable, untilUsable } from './usable.ts'
export { watchVirtualTime } from './virtual-time.ts'

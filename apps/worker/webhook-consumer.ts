import type { LedgerDatabase } from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import {
  type Consumer,
  jobNames,
  type QueueBackend,
  type RetryPolicy,
  startConsumer,
  webhookQueueName,
} from '@inventoryrpa/queue'
import { createHostSlots } from './host-slots.ts'
import { deliverWebhookHandler } from './processors/deliver-webhook.ts'
import { createWebhookSender } from './send-webhook.ts'

export type WebhookConsumerDeps = {
  db: LedgerDatabase
  logger: Logger
  metrics: Metrics
  workerName: string
  policy: RetryPolicy
  backoffMs: number
  /** Hosts that may be in private networks. */
  allowedHosts: readonly string[]
  onAnswered: () => void
}

/** They wait for receivers and cost little; without Redis up to a connection to the queue each. */
const slotsOfAll = 16
const slotsPerHost = 4

/** Delivers webhooks beside whatever else a worker does. */
export const startWebhookConsumer = (
  backend: QueueBackend,
  { workerName, policy, allowedHosts, ...deps }: WebhookConsumerDeps,
): Pick<Consumer, 'close'> => {
  const sender = createWebhookSender({
    allowsPrivate: (hostname) => allowedHosts.includes(hostname.toLowerCase()),
    perHost: slotsPerHost,
  })
  const slots = createHostSlots(slotsPerHost)
  const consumer = startConsumer(backend, {
    queue: webhookQueueName,
    handlers: { [jobNames.deliverWebhook]: deliverWebhookHandler({ ...deps, sender, slots }) },
    policy,
    concurrency: slotsOfAll,
    workerName,
    onAttempt: ({ name: job, seconds, outcome }) => {
      deps.metrics.jobDuration.observe({ job, outcome }, seconds)
      if (outcome === 'outage') deps.metrics.outages.inc({ queue: webhookQueueName })
    },
  })
  return {
    close: async (graceMs) => {
      const finished = await consumer.close(graceMs)
      await sender.close()
      return finished
    },
  }
}

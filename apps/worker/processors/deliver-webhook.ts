import { type DeliverWebhookJob, deliverWebhookJob } from '@inventoryrpa/contracts'
import { claimDelivery, endAttempt, findDueHost, type LedgerDatabase } from '@inventoryrpa/ledger'
import type { Logger, Metrics } from '@inventoryrpa/observability'
import { backoffDelayMs, type JobHandler } from '@inventoryrpa/queue'
import type { HostSlots } from '../host-slots.ts'
import type { WebhookSender } from '../send-webhook.ts'

export type DeliverWebhookDeps = {
  db: LedgerDatabase
  logger: Logger
  metrics: Metrics
  sender: WebhookSender
  slots: HostSlots
  /** Milliseconds before the second attempt; it doubles with each further one. */
  backoffMs: number
  /** Told of each host that answers: more for it may wait. */
  onAnswered: () => void
}

const longestBackoffMs = 3_600_000

/**
 * One attempt to deliver a webhook. The ledger decides whether it is due and when the next one is: a
 * job that comes twice, or too early, does nothing, and one that is lost is added again by the relay.
 */
export const deliverWebhookHandler = ({
  db,
  logger,
  metrics,
  sender,
  slots,
  backoffMs,
  onAnswered,
}: DeliverWebhookDeps): JobHandler<DeliverWebhookJob> => {
  // The first success is an increase only if there was a number before.
  metrics.webhookAttempts.inc({ outcome: 'delivered' }, 0)
  /** @returns whether the host answered; undefined when it was not asked */
  const attempt = async (deliveryId: string): Promise<boolean | undefined> => {
    const claimed = await claimDelivery(db, deliveryId)
    if (!claimed) return undefined
    const started = performance.now()
    const { status, error, retryAfterMs = 0 } = await sender.send(claimed)
    const seconds = (performance.now() - started) / 1_000
    const backoff = backoffDelayMs({ backoffMs, backoffMaxMs: longestBackoffMs }, claimed.tries)
    const state = await endAttempt(db, claimed, {
      status,
      error,
      seconds,
      retryInMs: error === 'gone' ? undefined : Math.max(backoff, retryAfterMs),
    })
    metrics.webhookAttempts.inc({ outcome: error ?? 'delivered' })
    const about = { deliveryId, attempt: claimed.attempt, status, error, seconds }
    if (error === null) logger.info(about, 'webhook delivered')
    else logger.warn({ ...about, state }, 'webhook not delivered')
    return status !== null
  }

  return {
    payload: deliverWebhookJob,

    run: async ({ payload: { deliveryId } }) => {
      const host = await findDueHost(db, deliveryId)
      // One that finds no room stays due.
      if (host === undefined || !(await slots.take(host))) return
      let answered: boolean | undefined
      try {
        answered = await attempt(deliveryId)
      } finally {
        slots.release(host, answered)
      }
      if (answered) onAnswered()
    },

    // The relay adds it again once it is due.
    onExhausted: async ({ payload: { deliveryId } }, error) => {
      logger.error({ deliveryId, err: error }, 'webhook not attempted')
      return 'failed'
    },
  }
}

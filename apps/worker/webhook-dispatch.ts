import { setTimeout as delay } from 'node:timers/promises'
import { type LedgerDatabase, listDueDeliveries } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'

type DispatchDeps = { db: LedgerDatabase; producer: Pick<Producer, 'deliverWebhooks'> }

/** A host that answers is looked for again with each answer, and so gets more. */
const atOnce = { perHost: 20, limit: 500 }

/** Has the queue run what is due. */
export const dispatchWebhooks = async ({ db, producer }: DispatchDeps): Promise<void> =>
  producer.deliverWebhooks(await listDueDeliveries(db, atOnce))

export type WebhookDispatch = {
  /** Deliveries may have become due: they are looked for soon, all at once for many calls. */
  soon(): void
  close(): Promise<void>
}

/** However many batches are completed a second, so often is looked at most. */
const gatherMs = 50

/** So that a webhook does not wait for the relay, which would find it as well. */
export const createWebhookDispatch = ({
  logger,
  ...deps
}: DispatchDeps & { logger: Logger }): WebhookDispatch => {
  const stop = new AbortController()
  let asked = false
  let looking: Promise<void> | undefined

  const look = async () => {
    while (asked && !stop.signal.aborted) {
      await delay(gatherMs, undefined, { signal: stop.signal }).catch(() => {})
      asked = false
      await dispatchWebhooks(deps).catch((err: unknown) =>
        logger.warn({ err }, 'webhooks not enqueued; the relay will'),
      )
    }
    looking = undefined
  }
  return {
    soon: () => {
      asked = true
      looking ??= look()
    },
    close: async () => {
      stop.abort()
      await looking
    },
  }
}

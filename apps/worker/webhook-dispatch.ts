import { setTimeout as delay } from 'node:timers/promises'
import { type LedgerDatabase, listDueDeliveries } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import type { Producer } from '@inventoryrpa/queue'

type DispatchDeps = { db: LedgerDatabase; producer: Pick<Producer, 'deliverWebhooks'> }

/** A host that answers is looked for again with each answer, and so gets more. */
const atOnce = { perHost: 8, limit: 500 }

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
/** Then once more: jobs that found no room for their host were perhaps still there at the last look. */
const lingerMs = 500

/** So that a webhook does not wait for the relay, which would find it as well. */
export const createWebhookDispatch = ({
  logger,
  ...deps
}: DispatchDeps & { logger: Logger }): WebhookDispatch => {
  const stop = new AbortController()
  let asked = false
  let wake = () => {}
  let looking: Promise<void> | undefined

  const rest = async (ms: number) => {
    const { promise: woken, resolve } = Promise.withResolvers<void>()
    wake = resolve
    await Promise.race([delay(ms, undefined, { signal: stop.signal, ref: false }), woken]).catch(
      () => {},
    )
  }
  const look = async () => {
    let isLast = false
    while (!isLast && !stop.signal.aborted) {
      if (!asked) await rest(lingerMs)
      if (asked) await delay(gatherMs, undefined, { signal: stop.signal }).catch(() => {})
      isLast = !asked
      asked = false
      await dispatchWebhooks(deps).catch((err: unknown) =>
        logger.warn({ err }, 'webhooks not enqueued; the relay will'),
      )
    }
    looking = undefined
    if (asked && !stop.signal.aborted) looking = look()
  }
  return {
    soon: () => {
      asked = true
      wake()
      looking ??= look()
    },
    close: async () => {
      stop.abort()
      await looking
    },
  }
}

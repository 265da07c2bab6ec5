import { isIP } from 'node:net'
import { hasWebhookSecret, type LedgerDatabase } from '@inventoryrpa/ledger'
import { isAllowedAddress } from '@inventoryrpa/outbound'
import { ProblemError } from './plugins/problems.ts'

export type CallbackCheck = (tenantId: number, callbackUrl: string | undefined) => Promise<void>

/**
 * Whether webhooks of a batch can be sent where its sender wants them. A name is judged when it is
 * called, by the addresses that it has then; an address can be judged at once.
 * @param allowedHosts may be in private networks
 */
export const createCallbackCheck =
  (db: LedgerDatabase, allowedHosts: readonly string[]): CallbackCheck =>
  async (tenantId, callbackUrl) => {
    if (callbackUrl === undefined) return
    const host = new URL(callbackUrl).hostname.replace(/^\[(.*)\]$/, '$1')
    if (isIP(host) && !isAllowedAddress(host, allowedHosts.includes(host))) {
      const message = 'must not be a private address'
      throw new ProblemError('invalid-request', `the callbackUrl ${message}`, {
        errors: [{ path: '/callbackUrl', message }],
      })
    }
    if (!(await hasWebhookSecret(db, tenantId))) {
      const detail = 'make one by POST /v1/webhook-secret before sending a callbackUrl'
      throw new ProblemError('no-webhook-secret', detail)
    }
  }

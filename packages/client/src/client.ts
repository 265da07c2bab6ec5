import { type ClientOptions, connect, dataOf } from './connection.ts'
import { type EventOptions, followBatch, followTenant } from './events.ts'
import { eachOf } from './pages.ts'
import type {
  ApplyPlan,
  CreateKey,
  Decision,
  Filter,
  Guard,
  Outcome,
  RedriveRequest,
  ReverseBatch,
  SubmitBatch,
} from './types.ts'
import type { BatchOptions, SubmitOptions } from './upload.ts'
import { submit, type UploadOptions, type UploadSource, upload } from './upload.ts'
import { type WaitOptions, waitForBatch } from './wait.ts'

export type ReportOptions = { outcome?: Outcome; signal?: AbortSignal }

export type InventoryRpaClient = ReturnType<typeof createClient>

/** A connection to one API with one key. Nothing is sent before something is asked for. */
export const createClient = (options: ClientOptions) => {
  const connection = connect(options)
  const { api, baseUrl, send } = connection
  const at = (id: string) => ({ params: { path: { id } } })

  const getBatch = (id: string) => dataOf(api.GET('/v1/batches/{id}', at(id)))

  return {
    /** The operations of the OpenAPI document, by path, for what has no method here. */
    api,

    submit: (batch: BatchOptions & Pick<SubmitBatch, 'lines'>, how?: SubmitOptions) =>
      submit(connection, batch, how),
    upload: (source: UploadSource, what: UploadOptions, how?: SubmitOptions) =>
      upload(connection, source, what, how),

    batch: getBatch,
    waitForBatch: (id: string, how: WaitOptions = {}) =>
      waitForBatch(connection, () => getBatch(id), how),
    batches: (filter: Filter<'listBatches'> = {}) =>
      eachOf((page) =>
        dataOf(api.GET('/v1/batches', { params: { query: { ...filter, ...page } } })),
      ),
    /** The outcomes of a batch's lines. */
    lines: (id: string, filter: { outcome?: Outcome } = {}) =>
      eachOf((page) =>
        dataOf(
          api.GET('/v1/batches/{id}/lines', {
            params: { path: { id }, query: { ...filter, ...page } },
          }),
        ),
      ),
    /** What would become of a batch's lines. */
    plan: (id: string) =>
      eachOf((page) =>
        dataOf(api.GET('/v1/batches/{id}/plan', { params: { path: { id }, query: page } })),
      ),
    apply: (id: string, plan: { planHash: string } & Partial<ApplyPlan>) =>
      dataOf(
        api.POST('/v1/batches/{id}/apply', { ...at(id), body: { onConflict: 'reject', ...plan } }),
      ),
    approve: (id: string, how: Pick<Partial<Decision>, 'onConflict'> = {}) =>
      dataOf(
        api.POST('/v1/batches/{id}/approve', {
          ...at(id),
          body: { decision: 'approve', onConflict: 'rebase', ...how },
        }),
      ),
    reject: (id: string) =>
      dataOf(
        api.POST('/v1/batches/{id}/approve', {
          ...at(id),
          body: { decision: 'reject', onConflict: 'rebase' },
        }),
      ),
    cancel: (id: string) => dataOf(api.POST('/v1/batches/{id}/cancel', at(id))),
    /** @returns the batch that takes back what this one moved */
    reverse: (id: string, how: Partial<ReverseBatch> = {}) =>
      dataOf(
        api.POST('/v1/batches/{id}/reverse', {
          ...at(id),
          body: { mode: 'apply', laterMovements: 'refuse', ...how },
        }),
      ),

    /** The outcomes as CSV, of any size. What is rejected can be corrected and uploaded again. */
    report: async (
      id: string,
      { outcome, signal }: ReportOptions = {},
    ): Promise<ReadableStream<Uint8Array>> => {
      const query = outcome ? `?outcome=${outcome}` : ''
      const url = `${baseUrl}/v1/batches/${encodeURIComponent(id)}/report.csv${query}`
      const make = () => new Request(url, signal ? { signal } : {})
      const { body } = await send(make, { repeatable: true, timeoutMs: 0 })
      return body ?? new Blob([]).stream()
    },

    /** What happens to all batches, from now on or after an event, until the signal. */
    events: (how: EventOptions = {}) => followTenant(connection, how),
    /** What becomes of one batch, until it is completed or cancelled. */
    batchEvents: (id: string, how: EventOptions = {}) => followBatch(connection, id, how),

    stock: (filter: Filter<'listStock'> = {}) =>
      eachOf((page) => dataOf(api.GET('/v1/stock', { params: { query: { ...filter, ...page } } }))),
    movements: (sku: string, filter: Filter<'listMovements'> = {}) =>
      eachOf((page) =>
        dataOf(
          api.GET('/v1/stock/{sku}/movements', {
            params: { path: { sku }, query: { ...filter, ...page } },
          }),
        ),
      ),

    /** Dead letters by what they have in common. */
    deadLetterGroups: () =>
      eachOf((page) => dataOf(api.GET('/v1/dead-letters', { params: { query: page } }))),
    deadLetters: (filter: Filter<'listDeadLetters'> = {}) =>
      eachOf((page) =>
        dataOf(api.GET('/v1/dead-letters/lines', { params: { query: { ...filter, ...page } } })),
      ),
    redrive: (which: Partial<RedriveRequest>) =>
      dataOf(
        api.POST('/v1/dead-letters/redrive', {
          body: { limit: 1_000_000, canary: 0, ...which },
        }),
      ),
    redriveStatus: (id: string) => dataOf(api.GET('/v1/dead-letters/redrives/{id}', at(id))),

    guard: () => dataOf(api.GET('/v1/guard')),
    /** Replaces all limits; an empty object lifts them. */
    setGuard: (guard: Guard) => dataOf(api.PUT('/v1/guard', { body: guard })),

    keys: () => eachOf((page) => dataOf(api.GET('/v1/keys', { params: { query: page } }))),
    /** The key itself is in this answer only. */
    createKey: (key: CreateKey) => dataOf(api.POST('/v1/keys', { body: key })),
    /** The former secret works on for as long; default a day. */
    rotateKey: (id: string, { graceSeconds = 86_400 } = {}) =>
      dataOf(api.POST('/v1/keys/{id}/rotate', { ...at(id), body: { graceSeconds } })),
    revokeKey: async (id: string) => {
      await api.DELETE('/v1/keys/{id}', at(id))
    },

    /** The secret is in this answer only. */
    rotateWebhookSecret: () => dataOf(api.POST('/v1/webhook-secret')),
    webhookDeliveries: (filter: Filter<'listWebhookDeliveries'> = {}) =>
      eachOf((page) =>
        dataOf(api.GET('/v1/webhook-deliveries', { params: { query: { ...filter, ...page } } })),
      ),
    webhookDelivery: (id: string) => dataOf(api.GET('/v1/webhook-deliveries/{id}', at(id))),
    replayWebhook: (id: string) => dataOf(api.POST('/v1/webhook-deliveries/{id}/replay', at(id))),
  }
}

import type { IncomingHttpHeaders } from 'node:http'
import { batch, type UploadType, uploadQuery, uploadTypes } from '@inventoryrpa/contracts'
import { acceptUpload, type LedgerDatabase, type UploadedLine } from '@inventoryrpa/ledger'
import type { FastifyServerOptions } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CallbackCheck } from '../callback-check.ts'
import type { Enqueuer } from '../enqueuer.ts'
import type { ExpressWay } from '../express-way.ts'
import { ProblemError } from '../plugins/problems.ts'
import { readUpload } from '../uploads/read-upload.ts'
import type { UploadSlots } from '../uploads/upload-slots.ts'
import { answerAccepted, idempotencyKey, keyIsRunning, refuseSourceless } from './accepting.ts'
import { problemResponses } from './problem-responses.ts'

export type UploadDeps = {
  /** Connections of their own, each for as long as an upload takes. */
  db: LedgerDatabase
  slots: UploadSlots
  /** Of what an upload decodes to. */
  maxBytes: number
}

export type UploadRoutesOptions = {
  uploads: UploadDeps
  enqueuer: Enqueuer
  expressWay: ExpressWay
  checkCallback: CallbackCheck
  maxChunkLines: number
  hasStockSource: boolean
}

/** Whoever sends at the lowest rate that is accepted has sent 100 MB by then. */
const longestMs = 24 * 3_600_000

const uploadTypeOf = (headers: IncomingHttpHeaders): UploadType | undefined => {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  return uploadTypes.find((known) => known === type)
}

type RouterOptions = NonNullable<FastifyServerOptions['routerOptions']>
type Strategy = NonNullable<RouterOptions['constraints']>[string]
type Handlers = ReturnType<Strategy['storage']>

/** One path with two ways to read a body, and limits of their own. */
export const uploadConstraint: Strategy = {
  name: 'body',
  storage: () => {
    const handlers = new Map<string, Parameters<Handlers['set']>[1]>()
    return {
      get: (body) => handlers.get(body) ?? null,
      set: (body, handler) => void handlers.set(body, handler),
    }
  },
  deriveConstraint: ({ headers }) => (uploadTypeOf(headers) ? 'upload' : 'other'),
}

export const uploadRoutes: FastifyPluginAsyncZod<UploadRoutesOptions> = async (
  app,
  { uploads, enqueuer, expressWay, maxChunkLines, checkCallback, hasStockSource },
) => {
  const stopping = new AbortController()
  app.addHook('preClose', async () => stopping.abort())
  for (const type of uploadTypes) app.addContentTypeParser(type, (_, __, done) => done(null))

  app.post(
    '/batches',
    {
      config: {
        scope: 'batches:write',
        addsLines: true,
        measuredAs: '/v1/batches (upload)',
      },
      constraints: { body: 'upload' },
      handlerTimeout: longestMs,
      schema: {
        hide: true,
        headers: z.object({ 'idempotency-key': idempotencyKey }),
        querystring: uploadQuery,
        response: {
          202: batch,
          ...problemResponses('idempotency-conflict', 'backlog-full', 422),
        },
      },
    },
    async (request, reply) => {
      const { tenantId, id: submittedBy } = request.apiKey
      const { reference, mode, negativeStock, priority, callbackUrl, ...options } = request.query
      await checkCallback(tenantId, callbackUrl)
      const verify = options.verify === 'true'
      const notBefore = options.notBefore ? new Date(options.notBefore) : undefined
      if (verify) refuseSourceless({ hasStockSource, mode })
      const key = request.headers['idempotency-key']
      using slot = uploads.slots.take(key && `${tenantId} ${key}`)
      if (!slot) throw keyIsRunning()
      const upload = readUpload({
        incoming: request.raw,
        type: uploadTypeOf(request.headers) as UploadType,
        search: request.url.split('?')[1] ?? '',
        options,
        maxBytes: uploads.maxBytes,
        signal: stopping.signal,
      })
      let needsSource = verify
      async function* pages(): AsyncGenerator<UploadedLine[]> {
        for await (const page of upload.pages) {
          if (!needsSource && page.some((it) => 'line' in it && it.line.type === 'sync')) {
            refuseSourceless({ hasStockSource, mode })
            needsSource = true
          }
          yield page
        }
      }
      const accepted = await request.receiving(() =>
        acceptUpload(
          uploads.db,
          {
            ...{ tenantId, reference, mode, negativeStock, verify, priority, notBefore },
            ...{ submittedBy, callbackUrl, key, pages: pages(), digest: upload.digest },
            isExpress: (lines) =>
              !needsSource && expressWay.admits(tenantId, { lines, priority, notBefore }),
          },
          { maxChunkLines },
        ),
      )
      if (accepted.outcome === 'empty') {
        throw new ProblemError('invalid-request', 'there is no line in it; nothing was stored')
      }
      if (accepted.outcome === 'too-many-lines') {
        const of = accepted.sku === undefined ? '' : ` of SKU ${accepted.sku}, or of it and a few`
        const detail = `it has more than ${accepted.most} lines${of}; nothing was stored`
        throw new ProblemError('body-too-large', detail)
      }
      const heldSeconds = needsSource ? await enqueuer.sourceHeldSeconds() : 0
      return answerAccepted(accepted, { request, reply, enqueuer, heldSeconds })
    },
  )
}

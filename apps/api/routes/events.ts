import { type Batch, type BatchProgress, eventTypes, lastEventId } from '@inventoryrpa/contracts'
import { findLatestEvent, type LedgerDatabase, readBatchEvents } from '@inventoryrpa/ledger'
import type { Logger } from '@inventoryrpa/observability'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { createEventHub } from '../event-hub.ts'
import { createEventStreams, type EventStreamsDeps, streamLifetimeMs } from '../event-streams.ts'
import { ProblemError } from '../plugins/problems.ts'
import { noBatch } from './batch-or-404.ts'
import { problemResponses } from './problem-responses.ts'

export type EventRoutesOptions = { db: LedgerDatabase; logger: Logger } & Omit<
  EventStreamsDeps,
  'hub'
>

/** As for every other route, until the first byte. */
const openWithinMs = 1_300

const tags = ['events']
const headers = z.object({ 'last-event-id': lastEventId.optional() })
const querystring = z.strictObject({ lastEventId: lastEventId.optional() })

const example = [
  'retry: 1500',
  'event: batch.progress\ndata: {"type":"batch.progress","timestamp":"2026-01-01T10:00:00.000Z","data":{…}}',
  'id: 42\nevent: batch.completed\ndata: {"id":"42","type":"batch.completed","timestamp":"2026-01-01T10:00:01.000Z","data":{…}}',
].join('\n\n')

const streamResponse = (described: string) => ({
  description: `${described} A comment comes at least every 15 s. The stream ends after 15 minutes at the latest: come back with the id of the last event.`,
  content: {
    'text/event-stream': {
      schema: z.string().meta({ examples: [`${example}\n\n`] }),
    },
  },
})

const isOver = ({ state }: Batch) => state === 'completed' || state === 'cancelled'

export const eventRoutes: FastifyPluginAsyncZod<EventRoutesOptions> = async (
  app,
  { db, logger, metrics, eventStreams, eventHeartbeatMs },
) => {
  const hub = createEventHub({ db, logger })
  const open = createEventStreams({ hub, metrics, eventStreams, eventHeartbeatMs })
  // Before the server waits for its connections to end.
  app.addHook('preClose', async () => hub.close())

  const shared = {
    // What is sent is never finished in time.
    handlerTimeout: streamLifetimeMs + 60_000,
    // A HEAD would have no body and no end.
    exposeHeadRoute: false,
    config: { scope: 'batches:read' },
  } as const

  app.get(
    '/events',
    {
      ...shared,
      schema: {
        operationId: 'streamEvents',
        summary: 'Follow what becomes of all batches',
        description: `Server-sent events ${eventTypes.join(', ')}, each numbered and once, in the order in which they happened. Begins after the event that Last-Event-ID or lastEventId names, and without it now: an id without an event tells where that is. Events are kept for 7 days.`,
        tags,
        headers,
        querystring,
        response: {
          200: streamResponse('The events.'),
          ...problemResponses(),
        },
      },
    },
    async (request, reply) => {
      const { apiKey } = request
      const latest = await inTime(findLatestEvent(db, apiKey.tenantId))
      const seen = seenBy(request)
      // An id that was never given, as after a restore from a backup, would skip what comes.
      const after = seen === undefined ? latest : Math.min(seen, latest)
      const stream = open(reply, apiKey)
      stream.mark(after)
      stream.listen({ after })
      return reply
    },
  )

  app.get(
    '/batches/:id/events',
    {
      ...shared,
      schema: {
        operationId: 'streamBatchEvents',
        summary: 'Follow what becomes of a batch',
        description:
          'Server-sent events: those of the batch so far, or after the one that Last-Event-ID or lastEventId names; its state now and, at most once a second, when its counts have changed, as batch.progress, which is not numbered; and its events as they happen. Ends with the one that says that it is completed or cancelled.',
        tags,
        params: z.object({ id: z.uuid() }),
        headers,
        querystring,
        response: {
          200: streamResponse('The events.'),
          204: z.null().meta({
            description: 'The batch is done, and its last event was seen: do not come back.',
          }),
          ...problemResponses('not-found'),
        },
      },
    },
    async (request, reply) => {
      const { apiKey } = request
      const { id } = request.params
      const seen = seenBy(request)
      const found = await inTime(readBatchEvents(db, apiKey.tenantId, id, seen ?? 0))
      if (!found) throw noBatch(id)
      const { batch, events, latest } = found
      if (isOver(batch) && events.length === 0 && seen !== undefined) {
        return reply.code(204).send(null)
      }
      const stream = open(reply, apiKey)
      for (const it of events) stream.write({ id: it.id, event: it.type, data: it })
      let told = ''
      const tell = (now: Batch) => {
        const state = JSON.stringify([now.state, now.counts])
        if (state === told) return
        told = state
        stream.write({ event: 'batch.progress', data: progressOf(now) })
      }
      if (!isOver(batch) || events.length === 0) tell(batch)
      if (isOver(batch)) stream.end()
      else {
        stream.listen({
          after: latest,
          batchId: id,
          onProgress: tell,
          isLast: ({ data }) => isOver(data),
        })
      }
      return reply
    },
  )
}

const progressOf = (data: Batch): BatchProgress => ({
  type: 'batch.progress',
  timestamp: new Date().toISOString(),
  data,
})

const seenBy = (request: {
  headers: z.infer<typeof headers>
  query: z.infer<typeof querystring>
}): number | undefined => {
  const id = request.headers['last-event-id'] ?? request.query.lastEventId
  return id === undefined ? undefined : Number(id)
}

/** The route's own time limit is that of the stream. */
const inTime = async <T>(answer: Promise<T>): Promise<T> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const problem = new ProblemError('unavailable', 'no answer in time; ask again', {
    retryAfterSeconds: 2,
  })
  const timer = setTimeout(() => reject(problem), openWithinMs)
  answer.catch(() => {})
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

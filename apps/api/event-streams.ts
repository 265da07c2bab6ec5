import type { ApiKey } from '@inventoryrpa/ledger'
import type { Metrics } from '@inventoryrpa/observability'
import type { FastifyReply } from 'fastify'
import type { EventHub, EventReader } from './event-hub.ts'
import { createEventStream, type EventStream } from './event-stream.ts'
import { createStreamLimits } from './stream-limits.ts'

export type EventStreamsDeps = {
  hub: EventHub
  metrics: Metrics
  /** Streams that may be open at once. */
  eventStreams: number
  eventHeartbeatMs: number
}

/** What a reader is told, and from where on. */
export type Listening = Pick<EventReader, 'after' | 'batchId' | 'onProgress'> & {
  /** After this event nothing follows. */
  isLast?: (event: Parameters<EventReader['onEvent']>[0]) => boolean
}

export type OpenStream = Pick<EventStream, 'write' | 'mark' | 'end'> & {
  /** From now on it is told what happens. */
  listen(to: Listening): void
}

/** Then the client comes back: to another API perhaps, and with a key that is looked at anew. */
export const streamLifetimeMs = 15 * 60_000

/** Opens streams, as many as there may be. */
export const createEventStreams = ({
  hub,
  metrics,
  eventStreams,
  eventHeartbeatMs,
}: EventStreamsDeps) => {
  const limits = createStreamLimits(eventStreams)

  /** @throws ProblemError when there are too many */
  return (reply: FastifyReply, caller: ApiKey): OpenStream => {
    const { id: keyId, tenantId, endsInMs = streamLifetimeMs } = caller
    const release = limits.take({ id: keyId, tenantId })
    metrics.eventStreams.set(limits.open)
    let leave = () => {}
    const stream = createEventStream({
      response: reply.raw,
      heartbeatMs: eventHeartbeatMs,
      lifetimeMs: Math.min(streamLifetimeMs, Math.max(endsInMs, 0)),
      onClose: () => {
        leave()
        release()
        metrics.eventStreams.set(limits.open)
      },
    })
    reply
      .type('text/event-stream')
      .header('cache-control', 'no-store')
      // Its connection ends with it, so that the server can.
      .header('connection', 'close')
      // nginx would keep events back until it has enough of them.
      .header('x-accel-buffering', 'no')
      .send(stream.readable)
    return {
      write: stream.write,
      mark: stream.mark,
      end: stream.end,
      listen: ({ isLast = () => false, ...reader }) => {
        leave = hub.add({
          ...reader,
          tenantId,
          keyId,
          ready: () => stream.drained,
          onEvent: (event) => {
            stream.write({ id: event.id, event: event.type, data: event })
            if (isLast(event)) stream.end()
          },
          end: stream.end,
        })
      },
    }
  }
}

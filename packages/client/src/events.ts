import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { Connection } from './connection.ts'
import { InventoryRpaError } from './errors.ts'
import { pause } from './transport.ts'
import type { BatchEvent, BatchProgress } from './types.ts'

export type EventOptions = {
  /** The id of the last event that was seen: only those after it come. */
  lastEventId?: string
  signal?: AbortSignal
}

/** A comment comes every 15 s; a connection that is silent for so long is dead. */
const silentMs = 40_000
const againAfterMs = 1_000

/**
 * Events as they happen. A stream that breaks or ends is opened again where it was, for as long as
 * nobody asks for the end.
 */
export async function* followTenant(
  connection: Connection,
  options: EventOptions,
): AsyncGenerator<BatchEvent, void, undefined> {
  for await (const event of follow(connection, '/v1/events', options)) {
    if (event.type !== 'batch.progress') yield event
  }
}

/** Those of a batch, with its progress between them, until it is completed or cancelled. */
export async function* followBatch(
  connection: Connection,
  batchId: string,
  options: EventOptions,
): AsyncGenerator<BatchEvent | BatchProgress, void, undefined> {
  const path = `/v1/batches/${encodeURIComponent(batchId)}/events`
  for await (const event of follow(connection, path, options)) {
    yield event
    if (event.data.state === 'completed' || event.data.state === 'cancelled') return
  }
}

async function* follow(
  { baseUrl, send }: Connection,
  path: string,
  { lastEventId, signal }: EventOptions,
): AsyncGenerator<BatchEvent | BatchProgress, void, undefined> {
  let seen = lastEventId
  let againMs = againAfterMs
  for (;;) {
    const silence = new AbortController()
    const stop = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal
    const open = () => {
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (seen !== undefined) headers['last-event-id'] = seen
      return new Request(`${baseUrl}${path}`, { headers, signal: stop })
    }
    const alive = watch(silence)
    try {
      const { status, body } = await send(open, { repeatable: true, timeoutMs: 0 })
      // There is nothing more to come.
      if (status === 204 || !body) return
      const messages = body
        .pipeThrough(onEachChunk(alive.touch))
        .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
        .pipeThrough(
          new EventSourceParserStream({
            onRetry: (ms) => {
              againMs = ms
            },
          }),
        )
      for await (const { id, data } of messages as unknown as AsyncIterable<{
        id?: string
        data: string
      }>) {
        if (id !== undefined) seen = id
        if (data !== '') yield JSON.parse(data) as BatchEvent | BatchProgress
      }
    } catch (error) {
      if (signal?.aborted) return
      // Every retry was used up. All else is a connection that broke in the middle.
      if (error instanceof InventoryRpaError) throw error
    } finally {
      alive.end()
      silence.abort()
    }
    await pause(againMs, signal).catch(() => undefined)
    if (signal?.aborted) return
  }
}

const watch = (silence: AbortController) => {
  let timer = setTimeout(() => silence.abort(), silentMs)
  const touch = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), silentMs)
  }
  return { touch, end: () => clearTimeout(timer) }
}

const onEachChunk = (told: () => void) =>
  new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      told()
      controller.enqueue(chunk)
    },
  })

import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/** One event of a stream, as it is written. */
export type Frame = {
  /** Absent: readers resume after the one before. */
  id?: string | undefined
  event: string
  data: unknown
}

export type EventStream = {
  /** The body of the response. */
  readonly readable: Readable
  /** The client has taken what was written, as far as buffers reach: more may be. */
  readonly drained: boolean
  write(frame: Frame): void
  /** Tells where the client stands before it is told an event: so it resumes here. */
  mark(id: number): void
  /** Ends it properly: what was written is still sent, if the client takes it soon. */
  end(): void
}

export type EventStreamOptions = {
  response: ServerResponse
  /** A comment is sent so often while there is nothing else, and a client that takes nothing for two is cut. */
  heartbeatMs: number
  /** It ends by itself after so long, and the client comes back. */
  lifetimeMs: number
  onClose: () => void
}

/** Between the two, so that clients that lost one API do not all come back at once. */
const soonestRetryMs = 500
const latestRetryMs = 2_500

/** Beside what Node and the kernel hold for a connection. */
const bufferBytes = 16_384

/** What is still to be sent when a stream ends, also because the process does. */
const endWithinMs = 3_000

/**
 * A stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 * Nothing is kept for a client that does not read: whoever writes waits until it is drained.
 */
export const createEventStream = ({
  response,
  heartbeatMs,
  lifetimeMs,
  onClose,
}: EventStreamOptions): EventStream => {
  const readable = new Readable({ highWaterMark: bufferBytes, read: () => {} })
  const timers: NodeJS.Timeout[] = []
  let ended = false
  let pushed = 0
  let takenBefore = 0
  let idleLooks = 0

  const push = (text: string) => {
    if (ended || readable.destroyed) return
    const bytes = Buffer.from(text)
    pushed += bytes.length
    readable.push(bytes)
  }
  const end = () => {
    if (ended) return
    ended = true
    readable.push(null)
    timers.push(setTimeout(() => response.destroy(), endWithinMs))
  }
  const look = () => {
    const waiting = readable.readableLength + response.writableLength
    if (waiting === 0) push(': still here\n\n')
    const taken = pushed - waiting
    idleLooks = waiting > 0 && taken === takenBefore ? idleLooks + 1 : 0
    takenBefore = taken
    if (idleLooks >= 2) response.destroy()
  }

  timers.push(setInterval(look, heartbeatMs), setTimeout(end, lifetimeMs))
  response.once('close', () => {
    for (const timer of timers) clearTimeout(timer)
    ended = true
    onClose()
  })
  const spread = Math.random() * (latestRetryMs - soonestRetryMs)
  push(`retry: ${Math.round(soonestRetryMs + spread)}\n\n`)

  return {
    readable,
    get drained() {
      return !ended && readable.readableLength < bufferBytes
    },
    write: ({ id, event, data }) => {
      const number = id === undefined ? '' : `id: ${id}\n`
      // JSON has no line breaks of its own.
      push(`${number}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    mark: (id) => push(`id: ${id}\n\n`),
    end,
  }
}

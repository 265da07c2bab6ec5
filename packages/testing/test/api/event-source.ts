import { onTestFinished } from 'vitest'

export type Received = { id: string | undefined; event: string; data: EventData }
export type EventData = {
  id?: string
  type: string
  data: { id: string; state: string; counts: Record<string, number> }
}

export type Follower = {
  /** Every event so far, those before the connection was lost too. */
  readonly events: Received[]
  readonly comments: string[]
  /** Milliseconds after which the server wants the client back. */
  readonly retryMs: number | undefined
  /** The id of the last event that had one. */
  readonly lastEventId: string | undefined
  /** Resolves when the stream has ended, however that was. */
  readonly ended: Promise<'ended' | 'broken'>
  close(): void
}

/** Reads one stream to its end, as a client that is written for this does. */
export const follow = async (
  url: string,
  apiKey: string,
  { lastEventId, query = '' }: { lastEventId?: string | undefined; query?: string } = {},
): Promise<Follower> => {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const answer = await fetch(url + query, {
    headers: {
      authorization: `Bearer ${apiKey}`,
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
    signal: abort.signal,
  })
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
  const type = answer.headers.get('content-type') ?? ''
  if (!type.startsWith('text/event-stream')) throw new Error(`content-type ${type}`)

  const events: Received[] = []
  const comments: string[] = []
  let retryMs: number | undefined
  let last = lastEventId
  const take = (block: string) => {
    const fields = block.split('\n').map((line) => /^([a-z]*): ?(.*)$/.exec(line) ?? [])
    const value = (name: string) => fields.find(([, field]) => field === name)?.[2]
    const [, comment] = /^: (.*)/.exec(block) ?? []
    if (comment !== undefined) comments.push(comment)
    if (value('retry')) retryMs = Number(value('retry'))
    const id = value('id')
    if (id !== undefined) last = id
    const data = value('data')
    if (data) events.push({ id, event: value('event') ?? 'message', data: JSON.parse(data) })
  }
  const read = async () => {
    const decoder = new TextDecoder()
    let text = ''
    for await (const bytes of answer.body ?? []) {
      text += decoder.decode(bytes as Uint8Array, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) take(block)
    }
    return 'ended' as const
  }
  return {
    events,
    comments,
    get retryMs() {
      return retryMs
    },
    get lastEventId() {
      return last
    },
    ended: read().catch(() => 'broken' as const),
    close: () => abort.abort(),
  }
}

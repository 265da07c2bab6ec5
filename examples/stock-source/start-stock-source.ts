import { randomBytes, timingSafeEqual } from 'node:crypto'
import Fastify from 'fastify'
import { z } from 'zod'
import { answerFor, indexLevels } from './answer.ts'
import { type Fault, fault } from './fault.ts'
import { type Level, level, readLevels } from './levels.ts'
import { misbehave } from './misbehave.ts'

export type { Fault, Level }

/** Since the start: reads, those whose client did not wait, the most under way at once; connections. */
export type Requests = {
  received: number
  abandoned: number
  mostAtOnce: number
  connections: number
}

export type StockSourceServer = {
  url: string
  /** What `Authorization: Bearer` must carry, on every route. */
  token: string
  /** As `PUT /faults`. */
  fail(fault: Fault): void
  /** As `PUT /levels`. */
  setLevels(levels: readonly Level[]): void
  /** As `GET /requests`. */
  requests(): Requests
  close(): Promise<void>
}

export type StockSourceServerOptions = {
  levels?: readonly Level[]
  /** A CSV file instead of `levels`: see readLevels. */
  csv?: string
  /** 0, the default, picks a free one. */
  port?: number
  host?: string
  /** Random if not given. */
  token?: string
}

const maxItems = 500
const name = z.string().min(1).max(64)
const question = z.strictObject({
  items: z
    .array(z.strictObject({ sku: name, location: name }))
    .min(1)
    .max(maxItems),
})

const matches = (given: string | undefined, wanted: string) => {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** A stock system as docs/stock-source.md describes it, that can be told to fail. */
export const startStockSource = async ({
  levels = [],
  csv,
  port = 0,
  host = '127.0.0.1',
  token = randomBytes(16).toString('hex'),
}: StockSourceServerOptions): Promise<StockSourceServer> => {
  let known = indexLevels(csv === undefined ? levels : await readLevels(csv))
  let current: Fault = { mode: 'none' }
  let sinceFault = 0
  let underWay = 0
  const requests: Requests = { received: 0, abandoned: 0, mostAtOnce: 0, connections: 0 }
  const setLevels = (next: readonly Level[]) => {
    known = indexLevels(next)
  }
  const fail = (next: Fault) => {
    current = next
    sinceFault = 0
  }

  const app = Fastify({ forceCloseConnections: true })
  app.server.on('connection', () => {
    requests.connections += 1
  })
  app.setErrorHandler((error, _request, reply) =>
    error instanceof z.ZodError
      ? reply.code(400).send({ error: z.prettifyError(error) })
      : reply.send(error),
  )
  app.addHook('onRequest', async (request, reply) => {
    if (matches(request.headers.authorization, `Bearer ${token}`)) return
    return reply.code(401).send({ error: 'unauthorized' })
  })
  app.post('/v1/on-hand', (request, reply) => {
    const { items } = question.parse(request.body)
    requests.received += 1
    sinceFault += 1
    underWay += 1
    requests.mostAtOnce = Math.max(requests.mostAtOnce, underWay)
    const response = reply.hijack().raw
    response.once('close', () => {
      underWay -= 1
      if (!response.writableFinished) requests.abandoned += 1
    })
    const answer = answerFor(known, items)
    const { authorization = '' } = request.headers
    misbehave(current, { response, answer, nth: sinceFault, authorization })
  })
  app.put('/faults', async (request, reply) => {
    fail(fault.parse(request.body))
    return reply.code(204).send()
  })
  app.put('/levels', async (request, reply) => {
    setLevels(z.array(level).parse(request.body))
    return reply.code(204).send()
  })
  app.get('/requests', async () => requests)

  const url = await app.listen({ port, host })
  return {
    url,
    token,
    fail,
    setLevels,
    requests: () => ({ ...requests }),
    close: () => app.close(),
  }
}

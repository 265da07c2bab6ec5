import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { type Answer, lagging, lying, mismatched } from './answer.ts'
import type { Fault } from './fault.ts'

type Request = {
  response: ServerResponse
  /** What would be right. */
  answer: Answer
  /** How many requests there were since the fault began, this one included. */
  nth: number
  authorization: string
}

const json = { 'content-type': 'application/json' }

const send = (response: ServerResponse, status: number, body: unknown, headers = {}) => {
  response.writeHead(status, { ...json, ...headers }).end(JSON.stringify(body))
}

const later = (response: ServerResponse, status: number, retryAfter: string | undefined) =>
  send(
    response,
    status,
    { error: 'later' },
    retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  )

const stream = (response: ServerResponse, body: Iterable<unknown>, headers = {}) => {
  response.writeHead(200, { ...json, ...headers })
  const source = Readable.from(body)
  response.once('close', () => source.destroy())
  source.pipe(response)
}

function* forEver(text: string) {
  for (;;) yield text
}

/** Ten megabytes of blanks in ten kilobytes, a hundred times: members of gzip may follow each other. */
const bomb = () => Array(100).fill(gzipSync(Buffer.alloc(10_000_000, ' ')))

const behaviours: {
  [Mode in Fault['mode']]: (request: Request, fault: Extract<Fault, { mode: Mode }>) => void
} = {
  none: ({ response, answer }) => send(response, 200, answer),
  slow: ({ response, answer }, { delayMs }) => {
    const timer = setTimeout(() => send(response, 200, answer), delayMs)
    response.once('close', () => clearTimeout(timer))
  },
  '500': ({ response }) => send(response, 500, { error: 'broken' }),
  '503': ({ response }, { retryAfter }) => later(response, 503, retryAfter),
  '429': ({ response }, { retryAfter }) => later(response, 429, retryAfter),
  redirect: ({ response }, { to }) => send(response, 307, {}, { location: to }),
  hang: () => {},
  // No single wait is long, but there is no end.
  trickle: ({ response }, { everyMs }) => {
    response.writeHead(200, json)
    const timer = setInterval(() => response.write(' '), everyMs)
    response.once('close', () => clearInterval(timer))
  },
  reset: ({ response }) => response.socket?.resetAndDestroy(),
  'reset-in-body': ({ response, answer }) => {
    const text = JSON.stringify(answer)
    response.writeHead(200, { ...json, 'content-length': Buffer.byteLength(text) })
    response.write(text.slice(0, text.length / 2), () => response.socket?.resetAndDestroy())
  },
  garbage: ({ response }) => {
    response.writeHead(200, json).end(Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x9c, 0x22]))
  },
  'not-json': ({ response, answer }) =>
    send(response, 200, answer, { 'content-type': 'text/html' }),
  endless: ({ response }) => stream(response, forEver(' '.repeat(65_536))),
  bomb: ({ response }) => stream(response, bomb(), { 'content-encoding': 'gzip' }),
  'wrong-schema': ({ response, answer }) =>
    send(response, 200, { ...answer, items: answer.items.map(({ sku }) => ({ sku })) }),
  flapping: ({ response, answer, nth }, { every }) =>
    nth % every === 0 ? send(response, 200, answer) : send(response, 500, { error: 'broken' }),
  lag: ({ response, answer }, { lagMs }) => send(response, 200, lagging(answer, lagMs)),
  lie: ({ response, answer }) => send(response, 200, lying(answer)),
  omit: ({ response, answer }) => send(response, 200, mismatched(answer, 'omit')),
  repeat: ({ response, answer }) => send(response, 200, mismatched(answer, 'repeat')),
  echo: ({ response, answer, authorization }) =>
    send(
      response,
      200,
      { ...answer, items: answer.items.map((item) => ({ ...item, onHand: authorization })) },
      { 'x-authorization': authorization },
    ),
  add: ({ response, answer }) => send(response, 200, mismatched(answer, 'add')),
}

/** Answers as the fault says. */
export const misbehave = <Mode extends Fault['mode']>(
  fault: Extract<Fault, { mode: Mode }>,
  request: Request,
): void => behaviours[fault.mode as Mode](request, fault)

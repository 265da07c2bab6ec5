import { expect, test } from 'vitest'
import { rawRequest } from './raw-request.ts'
import { useSystem } from './shared-system.ts'

const system = useSystem({ workers: 0 })

type ProblemAnswer = {
  status: number
  code: string
  detail: string
  errors?: { path: string; message: string }[]
}

const line = { type: 'adjustment', sku: 'sku-1', location: 'here', quantity: 1 }
const limitBytes = 8 * 1024 * 1024
const batchOf = (...lines: unknown[]) => ({ lines })

const storedBatches = async () => {
  const { items } = (await (await system.call('/v1/batches')).json()) as { items: unknown[] }
  return items.length
}

const readProblem = async (answer: Response, status: number): Promise<ProblemAnswer> => {
  const text = await answer.text()
  expect(answer.status, text).toBe(status)
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  const problem = JSON.parse(text)
  expect(problem).toMatchObject({
    type: `urn:inventoryrpa:problem:${problem.code}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code: expect.any(String),
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
  const known = ['type', 'title', 'status', 'detail', 'code', 'requestId', 'errors']
  expect(known).toEqual(expect.arrayContaining(Object.keys(problem)))
  expect(text).not.toMatch(/node_modules|\.ts\b|\bat .*:\d+:\d+|stack/)
  return problem
}

/** The problem that a body is refused with; nothing of it is stored. */
const refusal = async (body: unknown, headers: Record<string, string> = {}, status = 400) => {
  const before = await storedBatches()
  const problem = await readProblem(await system.post(body, headers), status)
  expect(await storedBatches()).toBe(before)
  return problem
}

const pathsOf = ({ errors = [] }: ProblemAnswer) => errors.map(({ path }) => path).sort()

test('every offending place of a body is named at once', async () => {
  const problem = await refusal({
    reference: '',
    mode: 'sometimes',
    negativeStock: 'perhaps',
    surprise: 1,
    lines: [
      line,
      { ...line, quantity: '1e3' },
      { ...line, sku: '', location: ' here', extra: true },
      { type: 'count', sku: 'a', location: 'b', quantity: -1 },
      { type: 'transfer', sku: 'a', location: 'b', toLocation: 'b', quantity: 1 },
      { type: 'synced', sku: 'a', location: 'b' },
      { sku: 'a' },
      null,
      7,
    ],
  })
  expect(problem.code).toBe('invalid-request')
  expect(pathsOf(problem)).toEqual(
    [
      '/reference',
      '/mode',
      '/negativeStock',
      '/surprise',
      '/lines/1/quantity',
      '/lines/2/sku',
      '/lines/2/location',
      '/lines/2/extra',
      '/lines/3/quantity',
      '/lines/3/countedAt',
      '/lines/4/toLocation',
      '/lines/5/type',
      '/lines/6/type',
      '/lines/7',
      '/lines/8',
    ].sort(),
  )
  for (const { message } of problem.errors ?? []) expect(message.length).toBeGreaterThan(3)
})

test.for([
  ['an array', []],
  ['a text', '"text"'],
  ['null', 'null'],
  ['a number', '7'],
])('%s is no batch', async ([, body]) => {
  expect(pathsOf(await refusal(body))).toEqual([''])
})

test('a batch without lines is refused', async () => {
  expect(pathsOf(await refusal({}))).toEqual(['/lines'])
  expect(pathsOf(await refusal({ lines: [] }))).toEqual(['/lines'])
})

test.for([
  ['cut off', '{"lines": ['],
  ['with a trailing comma', '{"lines": [],}'],
  ['with NaN', '{"lines": [NaN]}'],
  ['with Infinity', '{"lines": [Infinity]}'],
  ['with a comment', '{"lines": [] /* none */}'],
  ['followed by another', '{}{}'],
  ['of one word', 'lines'],
  ['of blanks', '   '],
])('malformed JSON %s is refused', async ([, body]) => {
  expect((await refusal(body)).code).toBe('invalid-request')
})

test('an empty body is refused', async () => {
  expect((await refusal('')).code).toBe('invalid-request')
})

test.for([
  '{"lines": [], "__proto__": {"mode": "apply"}}',
  '{"lines": [{"__proto__": {"sku": "a"}}]}',
  '{"lines": [], "constructor": {"prototype": {"polluted": true}}}',
  '{"lines": [{"type": "adjustment", "constructor": {"prototype": {}}}]}',
  '{"lines": [{"\\u005f\\u005fproto__": {}}]}',
  '{"lines": [{"__\\u0070roto__": {}}]}',
  '{"lines": [], "constructor": {"\\u0070rototype": {}}}',
])('keys that could poison a prototype are refused: %s', async (body) => {
  const problem = await refusal(body)
  expect(problem.code).toBe('invalid-request')
  // By the parser, whatever the route, and not by the schema of this one.
  expect(problem.errors).toBeUndefined()
})

test.for([
  ['NUL', '\\u0000'],
  ['a line break', '\\r\\n'],
  ['an escape', '\\u001b'],
  ['half a surrogate pair', '\\ud800'],
  ['the other half', '\\udc00'],
])('a text with %s in it is refused wherever it stands', async ([, text = '']) => {
  const bad = JSON.parse(`"a${text}b"`)
  const everywhere = { ...line, sku: bad, location: bad, reason: bad, reference: bad }
  const paths = pathsOf(await refusal({ reference: bad, ...batchOf(everywhere) }))
  const fields = ['location', 'reason', 'reference', 'sku'].map((field) => `/lines/0/${field}`)
  expect(paths).toEqual([...fields, '/reference'])
})

test.for([
  '1.0001',
  '1e3',
  '0x10',
  '+1',
  ' 1',
  '1,5',
  '',
  'NaN',
  'Infinity',
  '1'.repeat(13),
  '9'.repeat(5_000),
])('the quantity %j is refused', async (quantity) => {
  expect(pathsOf(await refusal(batchOf({ ...line, quantity })))).toEqual(['/lines/0/quantity'])
})

test.for(['1e400', '1e21', '0.0001', '12345678901234567890'])(
  'the quantity %s as a number is refused',
  async (number) => {
    const body = JSON.stringify(batchOf({ ...line, quantity: 7 })).replace('7', number)
    expect(pathsOf(await refusal(body))).toEqual(['/lines/0/quantity'])
  },
)

test('a time in the future, without a zone or before the calendar is refused', async () => {
  const times = ['2999-01-01T00:00:00Z', '2020-01-01T00:00:00', '0000-01-01T00:00:00Z', 'now']
  const problem = await refusal(batchOf(...times.map((observedAt) => ({ ...line, observedAt }))))
  expect(pathsOf(problem)).toEqual(times.map((_, index) => `/lines/${index}/observedAt`))
})

test('deeply nested JSON is refused and harms nothing', async () => {
  const depth = 100_000
  await refusal(`{"lines": ${'['.repeat(depth)}${']'.repeat(depth)}}`)
})

test.for([
  'text/plain',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  'nonsense',
])('the content type %s is answered 415', async (type) => {
  const problem = await refusal(batchOf(line), { 'content-type': type }, 415)
  expect(problem.code).toBe('unsupported-media-type')
})

test('a body that says it is above 8 MB is answered 413 before it is sent', async () => {
  const headers = {
    authorization: `Bearer ${system.apiKey}`,
    'content-type': 'application/json',
    'content-length': String(limitBytes + 1),
  }
  const { status, body } = await rawRequest(system.apiUrl, '/v1/batches', {
    method: 'POST',
    headers,
  })
  expect(status).toBe(413)
  expect(JSON.parse(body)).toMatchObject({ status: 413, code: 'body-too-large' })
})

test('a body of 8 MB is read', async () => {
  const padded = JSON.stringify(batchOf(line)).padEnd(limitBytes, ' ')
  expect((await system.post(padded)).status).toBe(202)
})

test('10,000 lines are accepted, 10,001 are refused', async () => {
  const lines = Array.from({ length: 10_001 }, (_, index) => ({ ...line, sku: `sku-${index}` }))
  expect(pathsOf(await refusal({ lines }))).toEqual(['/lines'])
  const answer = await system.post({ lines: lines.slice(1) })
  expect(answer.status).toBe(202)
  expect(await answer.json()).toMatchObject({ counts: { total: 10_000 } })
})

const lists = ['/v1/batches', '/v1/stock', '/v1/stock/sku-1/movements']

test.for(lists)('%s refuses query parameters it does not know', async (path) => {
  const problem = await readProblem(await system.call(`${path}?surprise=1`), 400)
  expect(pathsOf(problem)).toEqual(['/surprise'])
})

test.for(lists)('%s refuses a limit or cursor that makes no sense', async (path) => {
  const foreign = Buffer.from('["a"]').toString('base64url')
  const cursors = ['x', '%00', foreign, Buffer.from('{}').toString('base64url'), 'a'.repeat(2_000)]
  for (const cursor of cursors) {
    const problem = await readProblem(await system.call(`${path}?cursor=${cursor}`), 400)
    expect(pathsOf(problem), cursor).toEqual(['/cursor'])
  }
  for (const limit of ['0', '-1', '1001', '1.5', 'many', '']) {
    const problem = await readProblem(await system.call(`${path}?limit=${limit}`), 400)
    expect(pathsOf(problem), limit).toEqual(['/limit'])
  }
})

test('a list refuses a state or an outcome there is not', async () => {
  const { id } = (await (await system.post(batchOf(line))).json()) as { id: string }
  expect(pathsOf(await readProblem(await system.call('/v1/batches?state=lost'), 400))).toEqual([
    '/state',
  ])
  const lines = await system.call(`/v1/batches/${id}/lines?outcome=lost`)
  expect(pathsOf(await readProblem(lines, 400))).toEqual(['/outcome'])
})

test('a batch id that is no UUID is refused', async () => {
  for (const id of ['1', 'x'.repeat(400), '%00', "'--"]) {
    await readProblem(await system.call(`/v1/batches/${id}`), 400)
  }
})

test.for([
  ['empty', ''],
  ['with a blank', 'a b'],
  ['beyond ASCII', '\u00fc'],
  ['of 256 characters', 'k'.repeat(256)],
])('an Idempotency-Key %s is refused', async ([, key = '']) => {
  const problem = await refusal(batchOf(line), { 'idempotency-key': key })
  expect(pathsOf(problem)).toEqual(['/idempotency-key'])
})

test('a path or a method without a route is a problem', async () => {
  await readProblem(await system.call('/v1/nothing'), 404)
  await readProblem(await system.call('/v1/batches', { method: 'DELETE' }), 404)
})

test('a path that cannot be decoded is a problem', async () => {
  const headers = { authorization: `Bearer ${system.apiKey}` }
  const { status, body } = await rawRequest(system.apiUrl, '/v1/batches/%zz', { headers })
  expect(status).toBe(400)
  expect(JSON.parse(body)).toMatchObject({ code: 'invalid-request', requestId: expect.any(String) })
})

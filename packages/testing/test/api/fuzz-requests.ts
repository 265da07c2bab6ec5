import fc from 'fast-check'
import {
  type Content,
  type Document,
  examplesOf,
  type FuzzedOperation,
  isJson,
  type Parameter,
} from './fuzz-document.ts'
import { allowedBy, nastyTexts, wrongly } from './fuzz-values.ts'

export type Credential = 'admin' | 'none' | 'unknown' | 'powerless'
/** `undefined` in `path` and `query`: something that an answer named, if any did. */
export type FuzzedRequest = {
  as: Credential
  path: Record<string, string | undefined>
  query: [name: string, value: string | undefined][]
  headers: Record<string, string>
  body: string | undefined
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

const texts = ({ schema }: Parameter, document: Document) =>
  fc.oneof(
    { arbitrary: allowedBy(schema, document).map(textOf), weight: 4 },
    { arbitrary: fc.constantFrom(...nastyTexts), weight: 1 },
  )

const pathOf = (parameters: Parameter[], document: Document) =>
  fc.record(
    Object.fromEntries(
      parameters.map((it) => [
        it.name,
        fc.oneof(fc.constant(undefined), fc.constant(undefined), texts(it, document)),
      ]),
    ),
  )

const queryOf = (parameters: Parameter[], document: Document) =>
  fc
    .tuple(
      fc.record(
        Object.fromEntries(
          parameters.map((it) => [it.name, fc.oneof(fc.constant(undefined), texts(it, document))]),
        ),
        { requiredKeys: parameters.filter(({ required }) => required).map(({ name }) => name) },
      ),
      fc.oneof(
        { arbitrary: fc.constant({}), weight: 9 },
        { arbitrary: fc.constant({ unknown: 'x' }), weight: 1 },
      ),
    )
    .map(([known, unknown]) => Object.entries({ ...known, ...unknown }))

const isHeaderText = (value: string) => /^[\x20-\x7e]*$/.test(value)

const headersOf = (parameters: Parameter[], document: Document) =>
  fc
    .record(Object.fromEntries(parameters.map((it) => [it.name, texts(it, document)])), {
      requiredKeys: [],
    })
    .map((headers) =>
      Object.fromEntries(
        Object.entries(headers).filter((it): it is [string, string] => isHeaderText(it[1] ?? '')),
      ),
    )

type Body = { type: string | undefined; text: string | undefined }
type Bodies = fc.Arbitrary<string>

const jsonBodies = (content: Content, type: string, document: Document): Bodies => {
  const media = content[type] ?? {}
  const value = allowedBy(media.schema ?? {}, document)
  const examples = examplesOf(media, document)
  const right = examples.length > 0 ? fc.oneof(fc.constantFrom(...examples), value) : value
  return fc.oneof(
    { arbitrary: right.map(textOf), weight: 4 },
    { arbitrary: wrongly(right).map(textOf), weight: 4 },
    { arbitrary: fc.constantFrom('', '{', 'null', '{"__proto__":{}}', '[1e999]'), weight: 1 },
  )
}

/** Texts of other kinds begin from their examples, which are cut, doubled and interrupted. */
const textBodies = (content: Content, type: string, document: Document): Bodies => {
  const examples = examplesOf(content[type] ?? {}, document).map(textOf)
  const right = fc.constantFrom(...(examples.length > 0 ? examples : ['a,b\n1,2\n']))
  return fc.oneof(
    right,
    right.map((text) => text + text),
    fc.tuple(right, fc.nat(200)).map(([text, at]) => text.slice(0, at)),
    fc
      .tuple(right, fc.nat(200), fc.constantFrom(...nastyTexts, '"', ',', '\n'))
      .map(([text, at, nasty]) => (text.slice(0, at) + nasty + text.slice(at)).toWellFormed()),
    fc.string({ maxLength: 200 }),
  )
}

const noBody: Body = { type: undefined, text: undefined }
const strayBodies: Body[] = [
  noBody,
  { type: 'application/json', text: '{}' },
  { type: 'application/json', text: '' },
  { type: 'application/x-www-form-urlencoded', text: 'a=b' },
  { type: 'text/plain', text: 'hello' },
  { type: 'no type', text: 'x' },
]

const bodyOf = ({ body, method }: FuzzedOperation, document: Document): fc.Arbitrary<Body> => {
  const stray = fc.constantFrom(...strayBodies)
  if (method === 'GET') return fc.constant(noBody)
  if (!body) return fc.oneof({ arbitrary: fc.constant(noBody), weight: 4 }, stray)
  const ofType = Object.keys(body).map((type) =>
    (isJson(type) ? jsonBodies : textBodies)(body, type, document).map((text) => ({
      type,
      text,
    })),
  )
  return fc.oneof(...ofType.map((arbitrary) => ({ arbitrary, weight: 8 })), stray)
}

const credential: fc.Arbitrary<Credential> = fc.oneof(
  { arbitrary: fc.constant('admin' as const), weight: 12 },
  {
    arbitrary: fc.constantFrom('none' as const, 'unknown' as const, 'powerless' as const),
    weight: 2,
  },
)

/** Requests of an operation, some right, some wrong. */
export const requestsOf = (
  operation: FuzzedOperation,
  document: Document,
): fc.Arbitrary<FuzzedRequest> => {
  const at = (place: Parameter['in']) => operation.parameters.filter((it) => it.in === place)
  return fc
    .record({
      as: credential,
      path: pathOf(at('path'), document),
      query: queryOf(at('query'), document),
      headers: headersOf(at('header'), document),
      body: bodyOf(operation, document),
    })
    .map(({ body, headers, ...request }) => ({
      ...request,
      headers: { ...headers, ...(body.type !== undefined && { 'content-type': body.type }) },
      body: body.text,
    }))
}

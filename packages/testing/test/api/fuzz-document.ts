import { readJson } from './read-json.ts'

export type Schema = {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minItems?: number
  maxItems?: number
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  examples?: unknown[]
  default?: unknown
}
type Media = { schema?: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }
export type Content = Record<string, Media>
export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}
export type FuzzedOperation = {
  operationId: string
  method: string
  template: string
  parameters: Parameter[]
  body: Content | undefined
  responses: Record<string, { content?: Content }>
}
export type Document = {
  paths: Record<
    string,
    Record<
      string,
      Pick<FuzzedOperation, 'operationId' | 'responses'> & {
        parameters?: Parameter[]
        requestBody?: { content: Content }
      }
    >
  >
  components: { schemas: Record<string, Schema> }
}

export const readDocument = async (apiUrl: string): Promise<Document> =>
  readJson(await fetch(`${apiUrl}/openapi.json`))

export const operationsOf = ({ paths }: Document): FuzzedOperation[] =>
  Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(
      ([method, { operationId, parameters, requestBody, responses }]) => ({
        operationId,
        method: method.toUpperCase(),
        template,
        parameters: parameters ?? [],
        body: requestBody?.content,
        responses,
      }),
    ),
  )

/** The schema itself where there is only a reference to it. */
export const resolve = (schema: Schema, { components }: Document): Schema => {
  const { $ref, ...beside } = schema
  if ($ref === undefined) return schema
  return {
    ...resolve(components.schemas[$ref.split('/').at(-1) ?? ''] ?? {}, { components } as Document),
    ...beside,
  }
}

/** All examples of a body of this type, wherever the document has them. */
export const examplesOf = ({ schema, example, examples }: Media, document: Document): unknown[] => [
  ...(example === undefined ? [] : [example]),
  ...Object.values(examples ?? {}).map(({ value }) => value),
  ...((schema && resolve(schema, document).examples) ?? []),
]

/** Lines of JSON are not JSON. */
export const isJson = (type: string) => /\/(?:\w+\+)?json$/.test(type)

import { type UploadType, uploadQuery } from '@inventoryrpa/contracts'
import type { OpenAPIV3_1 } from 'openapi-types'
import { z } from 'zod'

const examples: Record<UploadType, string> = {
  'text/csv': 'sku,location,quantity,reason\n85123A,Leeds,12,delivery\n',
  'application/x-ndjson':
    '{"type":"adjustment","sku":"85123A","location":"Leeds","quantity":12,"reason":"delivery"}\n',
}

const parameters = (): OpenAPIV3_1.ParameterObject[] => {
  const { properties = {}, $defs = {} } = z.toJSONSchema(uploadQuery, { io: 'input' })
  return Object.entries(properties).map(([name, property]) => {
    const { $ref, ...own } = property as z.core.JSONSchema.JSONSchema
    const { id: _, ...named } = $defs[$ref?.split('/').at(-1) ?? ''] ?? {}
    const { description = '', ...schema } = { ...named, ...own }
    return {
      in: 'query',
      name,
      description: `Of an upload. ${description}`.trim(),
      schema: schema as NonNullable<OpenAPIV3_1.ParameterObject['schema']>,
    }
  })
}

/** Uploads share the operation of JSON requests: they take other bodies, and their options in the query. */
export const describeUploads = (
  operation: OpenAPIV3_1.OperationObject,
): OpenAPIV3_1.OperationObject => {
  if (operation.operationId !== 'submitBatch' || !operation.requestBody) return operation
  const body = operation.requestBody as OpenAPIV3_1.RequestBodyObject
  const uploads = Object.entries(examples).map(([type, example]) => [
    type,
    { schema: { type: 'string' }, example },
  ])
  return {
    ...operation,
    description: `${operation.description} CSV and NDJSON are read line by line, however large, also when compressed (Content-Encoding gzip or zstd); a line that is broken is rejected, and the rest go on.`,
    parameters: [...(operation.parameters ?? []), ...parameters()],
    requestBody: { ...body, content: { ...body.content, ...Object.fromEntries(uploads) } },
  }
}

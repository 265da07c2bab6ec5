import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { ProblemCode } from '@inventoryrpa/contracts'
import fp from 'fastify-plugin'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { OpenAPIV3_1 } from 'openapi-types'
import { describeUploads } from '../openapi/describe-uploads.ts'
import { withExamples } from '../openapi/examples.ts'
import { nameComponents } from '../openapi/name-components.ts'
import { describeResponse } from '../openapi/responses.ts'
import { securityOf, securitySchemes } from '../openapi/security.ts'
import { tags } from '../openapi/tags.ts'
import { problemResponses } from '../routes/problem-responses.ts'

/** Swagger UI sets styles inline; nothing else of it needs more than its own files. */
const docsPolicy = {
  'default-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'style-src': ["'self'", "'unsafe-inline'"],
  'object-src': ["'none'"],
  'frame-ancestors': ["'none'"],
}

type Responses = Readonly<Record<string, { codes?: readonly ProblemCode[] }>>
type RouteSchema = { operationId?: string; response?: Responses }
type Schemas = Parameters<typeof nameComponents>[1]

const readsBody = (method: string | string[]) => ![method].flat().includes('GET')

const mapOperations = (
  paths: OpenAPIV3_1.PathsObject = {},
  change: (operation: OpenAPIV3_1.OperationObject) => OpenAPIV3_1.OperationObject,
): OpenAPIV3_1.PathsObject =>
  Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods as Record<string, OpenAPIV3_1.OperationObject>).map(
          ([method, operation]) => [method, change(operation)],
        ),
      ),
    ]),
  )

const describeOperation = (
  operation: OpenAPIV3_1.OperationObject,
  declared: Responses = {},
): OpenAPIV3_1.OperationObject => ({
  ...operation,
  responses: Object.fromEntries(
    Object.entries(operation.responses ?? {}).map(([status, response]) => [
      status,
      '$ref' in response
        ? response
        : describeResponse(
            operation.operationId ?? '',
            status,
            response,
            declared[status]?.codes ?? [],
          ),
    ]),
  ),
})

/** The contract, made from the schemas that validate: `/openapi.json` for programs, `/docs` for people. */
export const openapiPlugin = fp<{ issuer: string | undefined }>(
  async (app, { issuer }) => {
    const declared = new Map<string, Responses>()
    const transform: typeof jsonSchemaTransform = (document) => {
      const { config, method } = document.route
      const given = (document.schema ?? {}) as RouteSchema
      const response = { ...(readsBody(method) && problemResponses(413, 415)), ...given.response }
      const whole = (given.response ? { ...given, response } : given) as typeof document.schema
      const { schema, url } = jsonSchemaTransform({ ...document, schema: whole })
      if (given.operationId && given.response) declared.set(given.operationId, response)
      const security = config?.scope && { security: securityOf(config.scope) }
      return { schema: { ...schema, ...security }, url }
    }
    const transformObject: typeof jsonSchemaTransformObject = (document) => {
      const whole = jsonSchemaTransformObject(document) as OpenAPIV3_1.Document
      const paths = mapOperations(whole.paths, (operation) => {
        return describeOperation(
          describeUploads(operation),
          declared.get(operation.operationId ?? ''),
        )
      })
      const named = nameComponents(paths, (whole.components?.schemas ?? {}) as Schemas)
      return {
        ...whole,
        paths: named.paths,
        components: { ...whole.components, schemas: withExamples(named.schemas) },
      } as ReturnType<typeof jsonSchemaTransformObject>
    }

    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'InventoryRPA',
          version: '1.0.0',
          description: 'Accepts stock changes in batches and applies every line exactly once.',
          license: { name: 'MIT', identifier: 'MIT' },
        },
        servers: [{ url: '/', description: 'Where this document is served.' }],
        tags,
        components: { securitySchemes: securitySchemes(issuer) },
      },
      transform,
      transformObject,
    })
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
    await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: docsPolicy })
  },
  { name: 'openapi' },
)

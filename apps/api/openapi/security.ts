import type { Scope } from '@inventoryrpa/contracts'
import type { OpenAPIV3_1 } from 'openapi-types'
import { discoveryUrl } from '../issuer-keys.ts'

export const securitySchemes = (
  issuer: string | undefined,
): Record<string, OpenAPIV3_1.SecuritySchemeObject> => ({
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key: irpa_<id>_<secret>.',
  },
  accessToken: issuer
    ? {
        type: 'openIdConnect',
        openIdConnectUrl: discoveryUrl(issuer),
        description: 'An access token of this issuer.',
      }
    : {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'An access token of the OpenID Connect issuer, where one is configured.',
      },
})

/** Either opens an operation if it has the scope, or `admin`. */
export const securityOf = (scope: Scope): OpenAPIV3_1.SecurityRequirementObject[] => [
  { apiKey: [scope] },
  { accessToken: [scope] },
]

import { z } from 'zod'
import { instantAnswer } from './instant.ts'
import { scopes } from './scopes.ts'
import { name } from './text.ts'

export const apiKeyId = z
  .string()
  .regex(/^[0-9a-f]{12}$/, { error: 'must be the 12 characters behind irpa_' })
  .meta({ description: 'The 12 characters behind irpa_.', examples: ['3f9c0a51be27'] })

const exampleKey = {
  id: '3f9c0a51be27',
  name: 'scanner',
  scopes: ['batches:write', 'batches:read'],
  createdAt: '2026-11-24T08:00:00.000Z',
  lastUsedAt: null,
  formerSecretUntil: null,
  revokedAt: null,
}

const scope = z.enum(scopes)

const apiKeyFields = {
  id: apiKeyId,
  name: z.string(),
  scopes: z.array(scope),
  createdAt: instantAnswer,
  lastUsedAt: instantAnswer.nullable().meta({ description: 'To about a minute.' }),
  formerSecretUntil: instantAnswer.nullable().meta({
    description: 'Of a key that was rotated: until when its former secret works.',
  }),
  revokedAt: instantAnswer.nullable(),
}

export const apiKey = z
  .object(apiKeyFields)
  .meta({ id: 'ApiKey', description: 'Without its secret.', examples: [exampleKey] })
export type ApiKeyAnswer = z.infer<typeof apiKey>

export const issuedApiKey = z
  .object({
    ...apiKeyFields,
    key: z
      .string()
      .meta({ description: 'What to send as the bearer token. It is shown only now.' }),
  })
  .meta({
    id: 'IssuedApiKey',
    examples: [
      { ...exampleKey, key: 'irpa_3f9c0a51be27_2sV0o4nQd0k7cP1yZJm8hR5tXw9uLbE3aGf6NqKiTzA' },
    ],
  })

export const createApiKeyRequest = z
  .strictObject({
    name: name(64).meta({ description: 'What it is for.' }),
    scopes: z.array(scope).min(1).max(scopes.length),
  })
  .meta({
    id: 'CreateApiKey',
    examples: [{ name: 'scanner', scopes: ['batches:write', 'batches:read'] }],
  })

/** So that whoever holds a key has time to take over its new secret. */
export const longestGraceSeconds = 30 * 86_400

export const graceSeconds = z.int().min(0).max(longestGraceSeconds)

export const rotateApiKeyRequest = z
  .strictObject({
    graceSeconds: graceSeconds.default(86_400).meta({
      description: 'For how long the former secret works on. 0: not at all.',
    }),
  })
  .meta({ id: 'RotateApiKey', examples: [{ graceSeconds: 3600 }] })

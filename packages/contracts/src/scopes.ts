/** What an API key may do. `admin` includes them all. */
export const scopes = [
  'batches:write',
  'batches:read',
  'stock:read',
  'batches:approve',
  'dead-letters:redrive',
  'admin',
] as const
export type Scope = (typeof scopes)[number]

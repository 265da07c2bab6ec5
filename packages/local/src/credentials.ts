import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { scopes } from '@inventoryrpa/contracts'
import { createApiKey, ensureTenant, findApiKey, openLedger } from '@inventoryrpa/ledger'
import { readFileIfPresent, writePrivateFile } from './private-file.ts'

const everyScope = scopes

/**
 * The API key of the tenant `development`, with every scope. It is kept in `<dataDir>/api-key`, mode
 * 600, and made anew only if the database does not know it.
 */
export async function developmentApiKey(dataDir: string, databaseUrl: string): Promise<string> {
  const path = join(dataDir, 'api-key')
  const ledger = openLedger({
    databaseUrl,
    applicationName: 'inventoryrpa-local',
    maxConnections: 1,
    connectTimeoutMs: 10_000,
  })
  try {
    const kept = (await readFileIfPresent(path))?.trim()
    if (kept && (await findApiKey(ledger.db, kept))) return kept
    const tenantId = await ensureTenant(ledger.db, 'development')
    const { key } = await createApiKey(ledger.db, { tenantId, name: 'local', scopes: everyScope })
    await writePrivateFile(path, `${key}\n`)
    return key
  } finally {
    await ledger.close()
  }
}

export interface OpsCredentials {
  user: string
  password: string
}

/** The login of the operators' pages, kept in `<dataDir>/ops.json`, mode 600. */
export async function opsCredentials(dataDir: string): Promise<OpsCredentials> {
  const path = join(dataDir, 'ops.json')
  const kept = await readFileIfPresent(path)
  if (kept !== undefined) return JSON.parse(kept) as OpsCredentials
  const made = { user: 'ops', password: randomBytes(18).toString('base64url') }
  await writePrivateFile(path, `${JSON.stringify(made)}\n`)
  return made
}

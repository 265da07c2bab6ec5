import { parseArgs } from 'node:util'
import { commonConfig, parseConfig, scopes } from '@inventoryrpa/contracts'
import { createApiKey, ensureTenant, openLedger, revokeApiKey } from '@inventoryrpa/ledger'
import { z } from 'zod'

const usage = `usage: node apps/api/api-key-main.ts create --tenant <name> --name <what for> --scope <scope> [--scope <scope>]
       node apps/api/api-key-main.ts revoke --id <id>
scopes: ${scopes.join(', ')}`

const name = z.string().min(1).max(64)
const create = z.object({ tenant: name, name, scope: z.array(z.enum(scopes)).min(1) })
const revoke = z.object({ id: z.string().regex(/^[0-9a-f]{12}$/) })

const { DATABASE_URL } = commonConfig

/** Makes and revokes API keys. A key is printed here, and never again. */
try {
  const config = parseConfig(z.object({ DATABASE_URL }), process.env)
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      tenant: { type: 'string' },
      name: { type: 'string' },
      scope: { type: 'string', multiple: true },
      id: { type: 'string' },
    },
  })
  const ledger = openLedger({ databaseUrl: config.DATABASE_URL, maxConnections: 1 })
  try {
    if (positionals[0] === 'create') {
      const given = create.parse(values)
      const tenantId = await ensureTenant(ledger.db, given.tenant)
      const { key } = await createApiKey(ledger.db, {
        tenantId,
        name: given.name,
        scopes: given.scope,
      })
      console.log(key)
    } else if (positionals[0] === 'revoke') {
      const { id } = revoke.parse(values)
      if (!(await revokeApiKey(ledger.db, id))) throw new Error(`no key ${id} that is not revoked`)
    } else throw new Error(usage)
  } finally {
    await ledger.close()
  }
} catch (error) {
  if (error instanceof z.ZodError) console.error(`${z.prettifyError(error)}\n${usage}`)
  else console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

import { parseArgs } from 'node:util'
import { commonConfig, graceSeconds, name, parseConfig, scopes } from '@inventoryrpa/contracts'
import {
  createApiKey,
  ensureTenant,
  findTenant,
  type LedgerDatabase,
  listApiKeys,
  listTenants,
  openLedger,
  revokeApiKey,
  rotateApiKey,
  setTenantWeight,
} from '@inventoryrpa/ledger'
import { z } from 'zod'

const usage = `usage: node apps/api/api-key-main.ts create --tenant <name> --name <what for> --scope <scope> [--scope <scope>]
       node apps/api/api-key-main.ts list --tenant <name>
       node apps/api/api-key-main.ts rotate --id <id> [--grace-seconds <for how long the former secret works, default 86400>]
       node apps/api/api-key-main.ts revoke --id <id>
       node apps/api/api-key-main.ts tenants [--tenant <name> --weight <1 to 1000>]
scopes: ${scopes.join(', ')}`

const shortName = name(64)
const number = z.string().regex(/^\d+$/).transform(Number)
const id = z.string().regex(/^[0-9a-f]{12}$/)
const ofTenant = z.object({ tenant: shortName })
const create = ofTenant.extend({ name: shortName, scope: z.array(z.enum(scopes)).min(1) })
const ofKey = z.object({ id })
const rotate = ofKey.extend({ 'grace-seconds': number.pipe(graceSeconds).default(86_400) })
const weigh = ofTenant.extend({ weight: number.pipe(z.int().min(1).max(1_000)) })

type Values = Readonly<Record<string, unknown>>

const tenantOf = async (db: LedgerDatabase, tenant: string) => {
  const tenantId = await findTenant(db, tenant)
  if (tenantId === undefined) throw new Error(`no tenant ${tenant}`)
  return tenantId
}

const listKeys = async (db: LedgerDatabase, tenant: string) => {
  const tenantId = await tenantOf(db, tenant)
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await listApiKeys(db, tenantId, { limit: 1_000, cursor })
    for (const item of items) console.log(JSON.stringify(item))
    if (nextCursor === null) return
    cursor = nextCursor
  }
}

const commands: Record<string, (db: LedgerDatabase, values: Values) => Promise<void>> = {
  create: async (db, values) => {
    const { tenant, name: what, scope } = create.parse(values)
    const tenantId = await ensureTenant(db, tenant)
    console.log((await createApiKey(db, { tenantId, name: what, scopes: scope })).key)
  },
  list: async (db, values) => listKeys(db, ofTenant.parse(values).tenant),
  rotate: async (db, values) => {
    const given = rotate.parse(values)
    const issued = await rotateApiKey(db, given.id, { graceSeconds: given['grace-seconds'] })
    if (!issued) throw new Error(`no key ${given.id} that is not revoked`)
    console.log(issued.key)
  },
  revoke: async (db, values) => {
    const given = ofKey.parse(values)
    if (!(await revokeApiKey(db, given.id))) {
      throw new Error(`no key ${given.id} that is not revoked`)
    }
  },
  tenants: async (db, values) => {
    if (values.tenant !== undefined || values.weight !== undefined) {
      const { tenant, weight } = weigh.parse(values)
      await setTenantWeight(db, await tenantOf(db, tenant), weight)
    }
    for (const tenant of await listTenants(db)) console.log(JSON.stringify(tenant))
  },
}

const { DATABASE_URL } = commonConfig

/** Makes, lists, rotates and revokes API keys, and weighs tenants. A key is printed here, and never again. */
try {
  const config = parseConfig(z.object({ DATABASE_URL }), process.env)
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      tenant: { type: 'string' },
      name: { type: 'string' },
      scope: { type: 'string', multiple: true },
      id: { type: 'string' },
      'grace-seconds': { type: 'string' },
      weight: { type: 'string' },
    },
  })
  const [given = '', ...more] = positionals
  const command = Object.hasOwn(commands, given) ? commands[given] : undefined
  if (!command || more.length > 0) throw new Error(usage)
  const ledger = openLedger({ databaseUrl: config.DATABASE_URL, maxConnections: 1 })
  try {
    await command(ledger.db, values)
  } finally {
    await ledger.close()
  }
} catch (error) {
  if (error instanceof z.ZodError) console.error(`${z.prettifyError(error)}\n${usage}`)
  else console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

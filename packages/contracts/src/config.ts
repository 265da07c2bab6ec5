import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** Thrown for a wrong environment: its message names each variable, what was given and what is allowed. */
export class ConfigError extends Error {
  readonly code = 'INVALID_CONFIGURATION'
  override readonly name = 'ConfigError'
}

/** Marks a variable whose value no message may show. */
export const secret = <T extends z.ZodType>(schema: T): T =>
  schema.meta({ ...schema.meta(), secret: true })

type Meta = { secret?: boolean; description?: string }

/** What is said of a variable, whether or not it is optional or has a default. */
const metaOf = (schema: z.ZodType | undefined): Meta => {
  if (!schema) return {}
  const inner =
    'unwrap' in schema && typeof schema.unwrap === 'function' ? schema.unwrap() : undefined
  return { ...metaOf(inner), ...(schema.meta() as Meta | undefined) }
}

type Environment = Readonly<Record<string, string | undefined>>
/** `faults` by variable. */
type Given = {
  values: Record<string, string>
  fromFile: Set<string>
  faults: Map<string, string>
}

const fileSuffix = '_FILE'

/** A variable's value, or the content of the file that `<variable>_FILE` names, without its last newline. */
const readVariables = (names: readonly string[], env: Environment): Given => {
  const given: Given = { values: {}, fromFile: new Set(), faults: new Map() }
  for (const name of names) {
    const value = env[name]
    const path = env[name + fileSuffix]
    if (value) given.values[name] = value
    if (!path) continue
    const said = `${name}${fileSuffix} (${JSON.stringify(path)})`
    if (value) given.faults.set(name, `${said}: must not be set beside ${name}`)
    else {
      try {
        const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
        if (content) given.values[name] = content
        given.fromFile.add(name)
      } catch (error) {
        const { code = 'unknown' } = error as NodeJS.ErrnoException
        given.faults.set(name, `${said}: must name a file that can be read (${code})`)
      }
    }
  }
  return given
}

/**
 * Parses the environment once into a frozen object. An empty variable counts as absent, as compose
 * files and manifests set them; any variable may be given by a file, as they mount secrets.
 * @throws ConfigError listing every wrong variable at once
 */
export const parseConfig = <Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  env: Environment,
): Readonly<z.infer<z.ZodObject<Shape>>> => {
  const { values, fromFile, faults } = readVariables(Object.keys(schema.shape), env)
  const parsed = schema.safeParse(values)
  if (parsed.success && faults.size === 0) return Object.freeze(parsed.data)
  const issues = (parsed.error?.issues ?? []).filter(({ path }) => !faults.has(String(path[0])))
  const lines = issues.map((issue) => {
    const variable = String(issue.path[0])
    const { secret: isSecret, description } = metaOf(
      schema.shape[variable] as z.ZodType | undefined,
    )
    const value = values[variable]
    // Whatever is in a file may be a secret that ended up under the wrong name.
    const hidden = isSecret || fromFile.has(variable)
    const shown =
      value === undefined ? 'not set' : hidden ? 'set, not shown' : JSON.stringify(value)
    return `${variable} (${shown}): ${description ?? issue.message}`
  })
  throw new ConfigError(`Invalid configuration.\n  ${[...faults.values(), ...lines].join('\n  ')}`)
}

const whole = (allowed: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ description: `must be ${allowed}, a whole number from ${min} to ${max}` })

/** A whole number with its unit in words, for example `whole('milliseconds to wait', 1, 1000)`. */
export const wholeNumber = whole

export const port = whole('a TCP port (0 picks a free one)', 0, 65_535)

const url = (schemes: string[]) =>
  secret(
    z.url({ protocol: new RegExp(`^(?:${schemes.join('|')})$`) }).meta({
      description: `must be a URL that starts with ${schemes.map((s) => `${s}://`).join(' or ')}`,
    }),
  )

/** What both apps read from the environment. */
export const commonConfig = {
  DATABASE_URL: url(['postgres', 'postgresql']),
  REDIS_URL: url(['redis', 'rediss']).optional(),
  QUEUE_PREFIX: z
    .string()
    .regex(/^[\w{}-]{1,64}$/)
    .meta({ description: 'must be 1 to 64 letters, digits, _ - { or }' })
    .default('inventoryrpa'),
  JOB_ATTEMPTS: whole('attempts before a job fails', 1, 100).default(3),
  JOB_BACKOFF_MS: whole('milliseconds before the first retry', 1, 600_000).default(1_000),
  JOB_BACKOFF_MAX_MS: whole('milliseconds between retries at most', 1, 3_600_000).default(10_000),
  WEBHOOK_ALLOWED_HOSTS: z
    .string()
    .transform((text) => text.split(',').map((it) => it.trim().toLowerCase()))
    .pipe(z.array(z.string().regex(/^[\w.:-]{1,253}$/)))
    .meta({
      description:
        'must be host names or addresses with commas between: webhooks may go there although it is a private network',
    })
    .default([]),
  OPS_HOST: z
    .string()
    .min(1)
    .meta({ description: 'must be a host name or address' })
    .default('0.0.0.0'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .meta({ description: 'must be trace, debug, info, warn, error, fatal or silent' })
    .default('info'),
  SENTRY_DSN: secret(z.url().meta({ description: 'must be a Sentry DSN' })).optional(),
  SENTRY_ENVIRONMENT: z.string().meta({ description: 'must be a name' }).default('production'),
}

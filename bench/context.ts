import { availableParallelism, cpus, totalmem } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { openDatabase } from './database.ts'
import type { Servers } from './servers.ts'

/** Where the figures come from, as the servers themselves tell. */
export type Context = Record<string, string | number>

const postgresSettings = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_sync_method',
  'shared_buffers',
  'max_wal_size',
]
const redisSettings = ['appendonly', 'appendfsync', 'save', 'maxmemory-policy']

export const readContext = async (
  servers: Servers,
  { nodeVersion }: { nodeVersion: string },
): Promise<Context> => {
  const context: Context = {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    'memory GB': Math.round(totalmem() / 1e9),
    node: nodeVersion,
    'CPU idle before the run': `${Math.round((await idleShare()) * 100)}%`,
  }
  await using stand = await servers.openStand()
  await using database = await openDatabase(stand.databaseUrl)
  for (const name of postgresSettings) {
    const { rows } = await database.client.query<{ value: string }>(
      'select current_setting($1) as value',
      [name],
    )
    context[`PostgreSQL ${name}`] = String(rows[0]?.value)
  }
  const redis = new Redis(stand.redisUrl)
  try {
    const version = /^redis_version:(.*?)\r?$/m.exec(await redis.info('server'))?.[1]
    context['Redis version'] = version ?? 'unknown'
    for (const name of redisSettings) {
      const [, value] = (await redis.config('GET', name)) as [string, string]
      context[`Redis ${name}`] = value === '' ? '(none)' : value
    }
  } finally {
    redis.disconnect()
  }
  return context
}

/** Of all cores, over a second: what is missing to 1 went to somebody else, and will again. */
const idleShare = async () => {
  const before = cpuTimes()
  await delay(1_000)
  const after = cpuTimes()
  return (after.idle - before.idle) / (after.all - before.all)
}

const cpuTimes = () => {
  const times = cpus().map((cpu) => cpu.times)
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  return {
    idle: sum(times.map((it) => it.idle)),
    all: sum(times.map((it) => it.user + it.nice + it.sys + it.idle + it.irq)),
  }
}

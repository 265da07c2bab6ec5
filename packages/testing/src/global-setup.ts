import type { TestProject } from 'vitest/node'
import { startPostgres, volatileSettings } from './postgres-server.ts'
import { startRedis } from './redis-server.ts'
import { createTemplateDatabase } from './template-database.ts'

/** One PostgreSQL and one Redis for the whole run; REDIS_URL names an existing Redis instead. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const releases: (() => Promise<void>)[] = []
  const release = async () => {
    for (const next of releases.splice(0).reverse()) await next()
  }
  try {
    const postgres = await startPostgres({ settings: volatileSettings })
    releases.push(() => postgres.stop())
    await createTemplateDatabase(postgres.url())
    project.provide('postgresUrl', postgres.url())
    // biome-ignore lint/style/noProcessEnv: vitest hands a global setup no environment
    project.provide('redisUrl', process.env.REDIS_URL || (await ownRedis(releases)))
    return release
  } catch (error) {
    await release()
    throw error
  }
}

async function ownRedis(releases: (() => Promise<void>)[]): Promise<string> {
  const redis = await startRedis()
  releases.push(() => redis.stop())
  return redis.url
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppProcess, freePort, spawnApp } from '@inventoryrpa/local'
import { findRedis, until } from '@inventoryrpa/testing'
import pg from 'pg'
import { inject } from 'vitest'
import { endWithThisProcess } from '../../src/exit-guard.ts'
import { rootDir, run } from './buildah.ts'
import { readComposeFile } from './compose-file.ts'

export type ComposedSystem = {
  apiUrl: string
  opsUrls: string[]
  /** Runs an app's file to its end, as `docker compose run api` would. @returns what it says */
  runInApi(entry: string, ...args: string[]): Promise<string>
  redis: { port: number; password: string }
  stop(): Promise<void>
}

const settings = join(rootDir, 'deploy/compose/stock-source.env')

/**
 * The services of docker-compose.yml as processes here: their commands and environments, the secrets
 * as the script makes them, the shipped redis.conf. Only addresses differ, and PostgreSQL is the run's.
 */
export const startComposed = async (): Promise<ComposedSystem> => {
  await using resources = new AsyncDisposableStack()
  const { services } = await readComposeFile('--env-file', settings)
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-composed-'))
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  await run('sh', [join(rootDir, 'deploy/compose/make-secrets.sh'), folder])
  const secret = (name: string) => readFile(join(folder, name), 'utf8')
  const movedTo = async (name: string, host: string) => {
    const url = new URL((await secret(name)).trim())
    url.host = host
    await writeFile(join(folder, 'moved'), `${url.href}\n`)
    await run('mv', [join(folder, 'moved'), join(folder, name)])
  }

  const redis = await startShippedRedis(folder)
  resources.defer(redis.stop)
  await movedTo('redis_url', `127.0.0.1:${redis.port}`)
  const database = new URL(await secret('database_url'))
  const server = new pg.Client({ connectionString: inject('postgresUrl') })
  await server.connect()
  resources.defer(() => server.end())
  const [role, name] = [`composed_${redis.port}`, `test_composed_${redis.port}`]
  await server.query(`create role ${role} login password '${database.password}'`)
  await server.query(`create database ${name} owner ${role}`)
  resources.defer(async () => {
    await server.query(`drop database ${name} with (force)`)
    await server.query(`drop role ${role}`)
  })
  const here = new URL(inject('postgresUrl')).host
  await writeFile(
    join(folder, 'moved'),
    `postgres://${role}:${database.password}@${here}/${name}\n`,
  )
  await run('mv', [join(folder, 'moved'), join(folder, 'database_url')])

  const sourcePort = await freePort()
  const environmentOf = (service: string) =>
    Object.fromEntries(
      Object.entries(services[service]?.environment ?? {}).map(([variable, value]) => [
        variable,
        value
          .replace('/run/secrets/', `${folder}/`)
          .replace('http://stock-source:4010', `http://127.0.0.1:${sourcePort}`),
      ]),
    )
  const start = (service: string, ports: Record<string, string>): AppProcess => {
    const app = spawnApp({
      name: service,
      entry: join(rootDir, services[service]?.command?.[0] ?? 'apps/api/main.ts'),
      env: { ...environmentOf(service), HOST: '127.0.0.1', OPS_HOST: '127.0.0.1', ...ports },
    })
    resources.defer(async () => void (await app.stop({ graceMs: 20_000 })))
    return app
  }
  const toItsEnd = (service: string, entry: string, ...args: string[]) =>
    run(process.execPath, [join(rootDir, entry), ...args], { env: environmentOf(service) })

  resources.defer(await startStockSource(environmentOf('stock-source'), sourcePort))
  await toItsEnd('migrate', services.migrate?.command?.[0] ?? '')
  const api = start('api', { PORT: '0', OPS_PORT: '0' })
  const workers = ['worker', 'worker-express'].map((it) => start(it, { OPS_PORT: '0' }))
  const { publicUrl = '', opsUrl } = await api.ready
  const opsUrls = [
    opsUrl,
    ...(await Promise.all(workers.map(async (it) => (await it.ready).opsUrl))),
  ]
  const held = resources.move()
  return {
    apiUrl: publicUrl,
    opsUrls,
    runInApi: (entry, ...args) => toItsEnd('api', entry, ...args),
    redis: { port: redis.port, password: (await secret('redis_password')).trim() },
    stop: () => held.disposeAsync(),
  }
}

const startShippedRedis = async (secrets: string) => {
  const binary = await findRedis()
  if (binary.kind !== 'command') throw new Error('redis.conf needs a redis-server on this machine')
  const dir = await mkdtemp(join(tmpdir(), 'inventoryrpa-redis-'))
  const port = await freePort()
  const conf = join(rootDir, 'deploy/compose/redis.conf')
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir]
  const child = spawn(binary.command, [conf, ...place, '--aclfile', join(secrets, 'redis_acl')], {
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(binary.env && { env: binary.env }),
  })
  const { letGo, end } = guarded(child, dir)
  // Its default log: "Ready to accept connections".
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
  })
  await until(() => said.includes('Ready to accept'), { describe: 'Redis' }).catch(
    async (error) => {
      await end()
      throw new Error(`Redis on the shipped configuration: ${said}`, { cause: error })
    },
  )
  return {
    port,
    stop: async () => {
      await end()
      await rm(dir, { recursive: true, force: true })
      letGo()
    },
  }
}

/** Ends with whoever runs the tests at the latest. */
const guarded = (child: ChildProcess, folder?: string) => {
  const exited = once(child, 'exit')
  return {
    letGo: endWithThisProcess({ ...(child.pid && { pid: child.pid }), ...(folder && { folder }) }),
    end: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

const startStockSource = async (env: Record<string, string>, port: number) => {
  const args = ['--csv', 'examples/stock-source/levels.csv', '--port', String(port)]
  const child = spawn(process.execPath, ['examples/stock-source/main.ts', ...args], {
    cwd: rootDir,
    env,
    stdio: 'ignore',
  })
  const { letGo, end } = guarded(child)
  await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 401, {
    timeoutMs: 20_000,
    describe: 'the stock source to ask for its token',
  })
  return async () => {
    await end()
    letGo()
  }
}

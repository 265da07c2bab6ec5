import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { findPromtool } from '../../src/deploy-tools.ts'
import { rootDir, run } from './buildah.ts'
import { type ComposeFile, readComposeFile, type Service } from './compose-file.ts'

let file: ComposeFile
let services: [string, Service][]
beforeAll(async () => {
  // Compose itself refuses what is not valid.
  file = await readComposeFile()
  services = Object.entries(file.services)
}, 300_000)

const service = (name: string): Service => {
  const found = file.services[name]
  if (!found) throw new Error(`no service ${name}`)
  return found
}
const workers = ['worker', 'worker-express']
const apps = ['api', ...workers, 'migrate']

test('no container may write to its root, gain a privilege or have a capability', () => {
  expect(services.length).toBeGreaterThan(8)
  for (const [name, it] of services) {
    expect(it.read_only, name).toBe(true)
    expect(it.cap_drop, name).toEqual(['ALL'])
    expect(it.cap_add ?? [], name).toEqual([])
    expect(it.security_opt, name).toContain('no-new-privileges:true')
    expect(it.privileged ?? false, name).toBe(false)
    expect(it.network_mode, name).toBeUndefined()
  }
})

test('no container runs as root: ours by their image, the others by the number of a user', async () => {
  const dockerfile = await readFile(join(rootDir, 'Dockerfile'), 'utf8')
  expect(dockerfile.match(/^USER .*$/gm)?.at(-1)).toMatch(/^USER \$\{USER_ID\}/)
  for (const [name, { build, user }] of services) {
    if (!build) expect(user, name).toMatch(/^[1-9]\d*:\d+$/)
  }
})

test('what is published is published on loopback only', () => {
  const published = services.flatMap(([, it]) => it.ports ?? [])
  expect(published.map((it) => it.target)).toEqual(expect.arrayContaining([3000, 3001, 9090]))
  for (const { host_ip } of published) expect(host_ip).toBe('127.0.0.1')
})

test('PostgreSQL and Redis are in a network that has no way out, and publish nothing', () => {
  expect(file.networks.data?.internal).toBe(true)
  for (const name of ['postgres', 'redis']) {
    expect(Object.keys(service(name).networks ?? {}), name).toEqual(['data'])
    expect(service(name).ports, name).toBeUndefined()
  }
})

test('secrets come from files, and no environment holds one', () => {
  for (const [name, secret] of Object.entries(file.secrets)) {
    expect(secret.file, name).toMatch(/\.data\/secrets\//)
  }
  const secretive = /PASSWORD|TOKEN|SECRET|DSN|DATABASE_URL|REDIS_URL/
  for (const [name, { environment = {}, secrets = [] }] of services) {
    const mounted = secrets.map(({ source, target }) => target ?? `/run/secrets/${source}`)
    for (const [variable, value] of Object.entries(environment)) {
      if (secretive.test(variable)) expect(variable, name).toMatch(/_FILE$/)
      if (value?.startsWith('/run/secrets/'))
        expect(mounted, `${name} ${variable}`).toContain(value)
    }
  }
})

test('nothing starts before what it needs is healthy, and the apps not before the migration', () => {
  const conditions = (name: string) =>
    Object.fromEntries(
      Object.entries(service(name).depends_on ?? {}).map(([of, it]) => [of, it.condition]),
    )
  expect(conditions('migrate')).toEqual({ postgres: 'service_healthy' })
  expect(service('migrate').restart).toBe('no')
  for (const name of ['api', ...workers]) {
    expect(conditions(name), name).toEqual({
      migrate: 'service_completed_successfully',
      redis: 'service_healthy',
    })
  }
  for (const [name, { depends_on = {} }] of services) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      if (condition === 'service_healthy') {
        expect(service(needed).healthcheck?.test, `${needed} for ${name}`).toBeDefined()
      }
    }
  }
})

test('large and small batches have workers of their own, and the former can be scaled', () => {
  const queues = workers.map((name) => service(name).environment?.WORKER_QUEUES)
  expect(queues).toEqual(['apply,plan,sync', 'express'])
  expect(service('worker')).not.toHaveProperty('container_name')
  expect(service('worker').ports).toBeUndefined()
})

test('a worker is given longer to end than it takes', () => {
  const graceMs = 30_000 + 5_000
  for (const name of workers) {
    const seconds = Number(/^(\d+)s$/.exec(service(name).stop_grace_period ?? '')?.[1])
    expect(seconds * 1_000, name).toBeGreaterThan(graceMs)
  }
})

test('every app runs the image that this repository builds', () => {
  for (const name of apps) expect(service(name).build?.target, name).toBe('app')
})

test('every file that is mounted is there', async () => {
  for (const { file: path } of Object.values(file.configs)) {
    expect((await stat(path)).isFile(), path).toBe(true)
  }
})

test('the example of a stock source is started by its settings alone', async () => {
  expect(service('stock-source').profiles).toEqual(['stock-source'])
  const settings = join(rootDir, 'deploy/compose/stock-source.env')
  const { services } = await readComposeFile('--env-file', settings)
  expect(services.api?.environment?.STOCK_SOURCE_URL).toBe('http://stock-source:4010')
  expect(services.worker?.environment).toMatchObject({
    STOCK_SOURCE_URL: 'http://stock-source:4010',
    STOCK_SOURCE_ALLOW_PRIVATE: 'true',
  })
  expect(await readFile(settings, 'utf8')).toMatch(/^COMPOSE_PROFILES=stock-source$/m)
})

test('Prometheus accepts its configuration, and asks the ops port of every app', async () => {
  const path = join(rootDir, 'deploy/compose/prometheus.yml')
  const [promtool = '', ...before] = await findPromtool()
  expect(await run(promtool, [...before, 'check', 'config', path])).toContain('SUCCESS')
  type Job = { dns_sd_configs?: { names: string[]; port: number }[] }
  const { scrape_configs } = parse(await readFile(path, 'utf8')) as { scrape_configs: Job[] }
  const asked = scrape_configs
    .flatMap((job) => job.dns_sd_configs ?? [])
    .flatMap(({ names, port }) => names.map((name) => `${name}:${port}`))
  expect(asked.toSorted()).toEqual(['api:3001', 'worker-express:3002', 'worker:3002'])
  for (const name of ['api', ...workers]) {
    expect(Object.keys(service(name).networks ?? {}), name).toContain('default')
  }
}, 300_000)

const makeSecrets = async () => {
  const parent = await mkdtemp(join(tmpdir(), 'inventoryrpa-secrets-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, 'secrets')
  const make = () => run('sh', [join(rootDir, 'deploy/compose/make-secrets.sh'), folder])
  const read = async () =>
    Object.fromEntries(
      await Promise.all(
        (await readdir(folder)).map(async (name) => [
          name,
          await readFile(join(folder, name), 'utf8'),
        ]),
      ),
    ) as Record<string, string>
  return { folder, make, read }
}

test('one command makes every secret, all different, which nobody else can reach', async () => {
  const { folder, make, read } = await makeSecrets()
  const said = await make()
  const secrets = await read()
  expect(Object.keys(secrets).toSorted()).toEqual(Object.keys(file.secrets).toSorted())
  const words = Object.values(secrets).filter((it) => /^[0-9a-f]{48}$/.test(it))
  expect(new Set(words).size).toBe(5)
  for (const word of words) expect(said).not.toContain(word)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  expect((await stat(join(folder, 'redis_password'))).mode & 0o777).toBe(0o444)
})

test('made again, secrets stay as they are and only those that are missing are made', async () => {
  const { folder, make, read } = await makeSecrets()
  await make()
  const { ops_password, ...kept } = await read()
  await rm(join(folder, 'ops_password'))
  await make()
  const again = await read()
  expect(again).toMatchObject(kept)
  expect(again.ops_password).not.toBe(ops_password)
})

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { overlay, overlays, type Workload } from './manifests.ts'
import { ownSecrets, settingsOf } from './settings.ts'

type Config = Readonly<Record<string, unknown>>
type ReadConfig = (env: Record<string, string>) => Config

// Apps are no dependency of tests: this is the one thing read of them without a process.
const readConfigOf = async (app: string): Promise<ReadConfig> => {
  const file = join(import.meta.dirname, '../../../../apps', app, 'config.ts')
  return ((await import(file)) as { readConfig: ReadConfig }).readConfig
}
const readConfig = {
  api: await readConfigOf('api'),
  worker: await readConfigOf('worker'),
}
const appOf = (workload: Workload) => (workload.name.includes('worker') ? 'worker' : 'api')

/** A value for every variable that comes from a secret. */
const secrets = {
  DATABASE_URL: 'postgres://app:secret@postgresql.example.com/inventoryrpa?sslmode=verify-full',
  REDIS_URL: 'rediss://:secret@redis.example.com:6380',
  OPS_USER: 'operator',
  OPS_PASSWORD: 'a password',
  STOCK_SOURCE_URL: 'https://stock.example.com',
  STOCK_SOURCE_TOKEN: 'token',
  STOCK_SOURCE_BACKUP_URL: 'https://backup.example.com',
  STOCK_SOURCE_BACKUP_TOKEN: 'token',
  SENTRY_DSN: 'https://key@sentry.example.com/1',
}
const apps = (it: Workload) => it.name.startsWith('inventoryrpa-') && it.kind !== 'Job'

for (const it of overlays) {
  test(`${it.name}: the apps know every variable that the manifests set, and accept its value`, () => {
    for (const workload of it.workloads.filter(apps)) {
      const settings = settingsOf(it, workload, secrets)
      const config = readConfig[appOf(workload)](settings)
      expect(Object.keys(config), workload.name).toEqual(
        expect.arrayContaining(Object.keys(settings)),
      )
    }
  })

  test(`${it.name}: the apps start without what is optional`, () => {
    const { DATABASE_URL, OPS_USER, OPS_PASSWORD } = secrets
    for (const workload of it.workloads.filter(apps)) {
      const settings = settingsOf(it, workload, { DATABASE_URL, OPS_USER, OPS_PASSWORD })
      expect(() => readConfig[appOf(workload)](settings), workload.name).not.toThrow()
    }
  })

  test(`${it.name}: the container's ports are those the apps listen on`, () => {
    for (const workload of it.workloads.filter(apps)) {
      const config = readConfig[appOf(workload)](settingsOf(it, workload, secrets))
      const ports = Object.fromEntries(
        (workload.containers[0]?.ports ?? []).map((port) => [port.name, port.containerPort]),
      )
      expect(ports, workload.name).toEqual({
        ops: config.OPS_PORT,
        ...(config.PORT !== undefined && { http: config.PORT }),
      })
    }
  })

  test(`${it.name}: the workers share all queues, small batches apart from large ones`, () => {
    const queues = (name: string) =>
      readConfig.worker(settingsOf(it, it.workload(name), secrets)).WORKER_QUEUES
    expect(queues('inventoryrpa-worker')).toEqual(['apply', 'plan', 'sync'])
    expect(queues('inventoryrpa-worker-express')).toEqual(['express'])
  })
}

test('a variable that an app does not know is found', () => {
  const settings = { DATABASE_URL: secrets.DATABASE_URL, WORKER_QUEUE: 'apply' }
  expect(Object.keys(readConfig.worker(settings))).not.toContain('WORKER_QUEUE')
})

test('the secrets of the development overlay are accepted', () => {
  const dev = overlay('dev')
  for (const workload of dev.workloads.filter(apps)) {
    const secret = `inventoryrpa-${appOf(workload)}`
    const settings = settingsOf(dev, workload, ownSecrets(dev, secret))
    const config = readConfig[appOf(workload)](settings)
    expect(config.DATABASE_URL).toContain('@postgresql/')
    expect(config.REDIS_URL).toBe('redis://redis')
  }
})

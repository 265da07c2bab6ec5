import { randomBytes } from 'node:crypto'
import {
  createTestDatabase,
  getBatch,
  refusePoison,
  startRedis,
  startTestSystem,
  submitLines,
  until,
  untilCompleted,
} from '@inventoryrpa/testing'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startSentryServer } from './sentry-server.ts'

const line = (sku: string) => ({ type: 'adjustment', sku, location: 'here', quantity: 1 })

/** A login with a password of its own, which it must show to nobody. */
const createLogin = async (databaseUrl: string) => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const user = `canary_${randomBytes(4).toString('hex')}`
  const password = `canary-${randomBytes(8).toString('hex')}`
  await client.query(`create role ${user} login superuser password '${password}'`)
  onTestFinished(async () => {
    await client.query(`drop role ${user}`)
    await client.end()
  })
  await refusePoison(client)
  const url = new URL(databaseUrl)
  Object.assign(url, { username: user, password })
  return { url: url.href, password }
}

/** The whole system with a canary for each secret, and all that its processes say. */
const startTalking = async (env: Record<string, string>) => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  const login = await createLogin(database.url)
  const redisPassword = `canary-${randomBytes(8).toString('hex')}`
  const redis = await startRedis({ password: redisPassword })
  onTestFinished(() => redis.stop())
  const lines: string[] = []
  const system = await startTestSystem({
    databaseUrl: login.url,
    redisUrl: redis.url,
    workers: 1,
    env: { LOG_LEVEL: 'debug', JOB_BACKOFF_MS: '10', JOB_BACKOFF_MAX_MS: '50', ...env },
    onLog: (_process, line) => lines.push(line),
  })
  onTestFinished(() => system.stop())
  const secrets = [system.apiKey, system.opsPassword, login.password, redisPassword]
  const [dead = ''] = await submitLines(system, [line('poison')])
  const [applied = ''] = await submitLines(system, [line('healthy')])
  await untilCompleted(system, applied)
  await until(async () => (await getBatch(system, dead)).counts.dead === 1, {
    timeoutMs: 20_000,
    describe: 'the poisoned chunk dead',
  })
  return { system, lines, secrets, dead, applied }
}

const stop = async (system: Awaited<ReturnType<typeof startTestSystem>>) => {
  // Sends what error reporting still holds back.
  for (const app of [system.api, ...system.workers]) await app.stop({ graceMs: 15_000 })
}

test('a dead chunk is reported to Sentry with its batch, and no secret leaves in it', async () => {
  const sentry = await startSentryServer()
  const { system, secrets, dead, lines } = await startTalking({
    SENTRY_DSN: sentry.dsn,
    SENTRY_ENVIRONMENT: 'testing',
  })
  await stop(system)
  const events = sentry.events()
  expect(events).toHaveLength(1)
  const [event] = events
  expect(event).toMatchObject({
    environment: 'testing',
    tags: { service: 'worker' },
    extra: { batchId: dead, jobId: `${dead}-0`, attempt: 3 },
  })
  expect(JSON.stringify(event?.exception)).toContain('this SKU cannot be moved')
  const sent = sentry.envelopes.join('\n')
  for (const secret of secrets) {
    expect(sent).not.toContain(secret)
    expect(lines.join('\n')).not.toContain(secret)
  }
}, 90_000)

test('without a DSN nothing is sent, and the logs are JSON lines with batch and job', async () => {
  const sentry = await startSentryServer()
  const { system, lines, secrets, dead, applied } = await startTalking({})
  await stop(system)
  expect(sentry.envelopes).toEqual([])

  const entries = lines.map((text) => JSON.parse(text))
  for (const entry of entries) {
    expect(entry).toMatchObject({
      level: expect.stringMatching(/^(debug|info|warn|error)$/),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      service: expect.stringMatching(/^(api|worker)$/),
      msg: expect.any(String),
    })
  }
  const said = (msg: string) => entries.filter((entry) => entry.msg === msg)
  const accepted = said('batch accepted').map(({ batchId, service }) => ({ batchId, service }))
  expect(accepted).toEqual([
    { batchId: dead, service: 'api' },
    { batchId: applied, service: 'api' },
  ])
  expect(said('chunk settled')).toMatchObject([
    { batchId: applied, jobId: `${applied}-0`, attempt: 1, applied: 1, rejected: 0 },
  ])
  const failures = said('chunk not applied').map(({ attempt }) => attempt)
  expect(failures).toEqual([1, 2, 3])
  expect(said('line is dead: its attempts are used up')).toMatchObject([
    { batchId: dead, jobId: `${dead}-0`, attempt: 3, level: 'error' },
  ])
  for (const secret of secrets) expect(lines.join('\n')).not.toContain(secret)
}, 90_000)

test('what a client sends cannot forge a log line', async () => {
  const { system, lines } = await startTalking({})
  const forged = '{"level":"fatal","msg":"forged"}'
  await system.call(`/v1/batches/${encodeURIComponent(`x\r\n${forged}\r\n`)}`)
  await system.call('/v1/batches', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': forged },
    body: JSON.stringify({ reference: `a\r\n${forged}`, lines: [line(`b\n${forged}`)] }),
  })
  await stop(system)
  for (const text of lines) expect(JSON.parse(text).msg).not.toBe('forged')
}, 90_000)

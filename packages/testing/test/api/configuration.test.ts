import { expect, test } from 'vitest'
import { spawnTestApp } from './spawn-test-app.ts'

const secret = 'canary-5f1c0b'
const databaseUrl = 'postgres://nobody@127.0.0.1:1/nothing'

const firstWords = async (app: 'api' | 'worker', env: Record<string, string | undefined>) => {
  const { exited, lines } = spawnTestApp(app, env)
  expect(await exited).toEqual({ code: 1, signal: null })
  return lines.join('\n')
}

for (const app of ['api', 'worker'] as const) {
  test(`the ${app} names every wrong variable, its value and what is allowed, and exits 1`, async () => {
    const words = await firstWords(app, {
      DATABASE_URL: databaseUrl,
      OPS_PORT: '70000',
      JOB_ATTEMPTS: 'three',
      LOG_LEVEL: 'loud',
      QUEUE_PREFIX: 'a:b',
    })
    expect(words.split('\n')).toEqual([
      'Invalid configuration.',
      expect.stringMatching(/^ {2}QUEUE_PREFIX \("a:b"\): must be .*letters/),
      expect.stringMatching(/^ {2}JOB_ATTEMPTS \("three"\): must be .*from 1 to 100/),
      expect.stringMatching(/^ {2}LOG_LEVEL \("loud"\): must be trace, debug, info/),
      expect.stringMatching(/^ {2}OPS_PORT \("70000"\): must be .*from 0 to 65535/),
    ])
  })

  test(`the ${app} says what is missing, and exits 1`, async () => {
    const words = await firstWords(app, { DATABASE_URL: '' })
    expect(words).toContain('DATABASE_URL (not set): must be a URL that starts with postgres://')
    expect(words).not.toMatch(/\n\s+at /)
  })

  test(`the ${app} shows no secret, however wrong it is`, async () => {
    const words = await firstWords(app, {
      DATABASE_URL: `mysql://user:${secret}@127.0.0.1/stock`,
      REDIS_URL: `:${secret}@127.0.0.1`,
      SENTRY_DSN: `no url ${secret}`,
      ...(app === 'api' && { OPS_PASSWORD: ` ${secret} ` }),
    })
    expect(words).not.toContain(secret)
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'SENTRY_DSN']) {
      expect(words).toContain(`${name} (set, not shown): must be`)
    }
    if (app === 'api') expect(words).toContain('OPS_PASSWORD (set, not shown): must be')
  })
}

test('the API does not start without credentials for its operators', async () => {
  const env = { DATABASE_URL: databaseUrl, OPS_USER: '', OPS_PASSWORD: '' }
  const words = await firstWords('api', env)
  expect(words).toContain('OPS_USER (not set): must be a user name')
  expect(words).toContain('OPS_PASSWORD (not set): must be a password')
})

test('the API refuses an issuer that can be listened to, tokens for anyone, and proxies without an address', async () => {
  const env = { DATABASE_URL: databaseUrl }
  const words = await firstWords('api', {
    ...env,
    OIDC_ISSUER: 'http://login.example.com',
    OIDC_JWKS_URL: 'file:///etc/passwd',
    TRUSTED_PROXIES: '10.0.0.0/33',
    RATE_LIMIT_PER_SECOND: '-1',
    BACKLOG_LIMIT_LINES: '1e9',
  })
  expect(words).toContain('OIDC_ISSUER ("http://login.example.com"): must be the issuer')
  expect(words).toContain('OIDC_JWKS_URL ("file:///etc/passwd"): must be')
  expect(words).toContain('TRUSTED_PROXIES ("10.0.0.0/33"): must be addresses or networks')
  expect(words).toContain('RATE_LIMIT_PER_SECOND ("-1"): must be')
  expect(words).toContain('BACKLOG_LIMIT_LINES ("1e9"): must be')
  const issuer = { OIDC_ISSUER: 'https://login.example.com' }
  expect(await firstWords('api', { ...env, ...issuer })).toContain('OIDC_AUDIENCE (not set)')
})

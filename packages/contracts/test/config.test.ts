import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, commonConfig, parseConfig, port, secret, wholeNumber } from '../src/index.ts'

const schema = z.object(commonConfig)
const right = { DATABASE_URL: 'postgres://user:hunter2@db/stock' }

const faults = (env: Record<string, string | undefined>, given: z.ZodObject = schema): string[] => {
  try {
    parseConfig(given, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(1)
    throw error
  }
  return []
}

test('what is not given has its default, and what does not concern the app is left out', () => {
  const config = parseConfig(schema, { ...right, HOME: '/root' })
  expect(config).toMatchObject({ ...right, JOB_ATTEMPTS: 3, LOG_LEVEL: 'info' })
  expect(config).not.toHaveProperty('HOME')
})

test('whole numbers are numbers afterwards', () => {
  expect(parseConfig(schema, { ...right, JOB_ATTEMPTS: '7' }).JOB_ATTEMPTS).toBe(7)
})

test('an empty variable counts as absent', () => {
  const config = parseConfig(schema, { ...right, LOG_LEVEL: '', REDIS_URL: '', JOB_ATTEMPTS: '' })
  expect(config).toMatchObject({ LOG_LEVEL: 'info', JOB_ATTEMPTS: 3 })
  expect(config.REDIS_URL).toBeUndefined()
  expect(faults({ DATABASE_URL: '' })).toEqual([expect.stringContaining('DATABASE_URL (not set)')])
})

test('the parsed configuration cannot be changed', () => {
  const config = parseConfig(schema, right) as Record<string, unknown>
  expect(() => {
    config.LOG_LEVEL = 'silent'
  }).toThrow(TypeError)
  expect(config.LOG_LEVEL).toBe('info')
})

test('a wrong value is answered with the variable, what was given and what is allowed', () => {
  expect(faults({ ...right, LOG_LEVEL: 'loud' })).toEqual([
    '  LOG_LEVEL ("loud"): must be trace, debug, info, warn, error, fatal or silent',
  ])
  expect(faults({ ...right, JOB_ATTEMPTS: '0' })).toEqual([
    '  JOB_ATTEMPTS ("0"): must be attempts before a job fails, a whole number from 1 to 100',
  ])
})

test.for(['0', '101', '1.5', 'many', ' ', '1e1000', 'NaN', '-1'])(
  '%j attempts are refused',
  (value) => {
    expect(faults({ ...right, JOB_ATTEMPTS: value })).toHaveLength(1)
  },
)

test('all faults are told at once', () => {
  const told = faults({ LOG_LEVEL: 'loud', JOB_ATTEMPTS: 'x', REDIS_URL: 'http://redis' })
  expect(told.map((line) => line.trim().split(' ')[0]).sort()).toEqual([
    'DATABASE_URL',
    'JOB_ATTEMPTS',
    'LOG_LEVEL',
    'REDIS_URL',
  ])
})

test.for(['DATABASE_URL', 'REDIS_URL', 'SENTRY_DSN'])(
  'the value of %s is in no message, however wrong it is',
  (variable) => {
    for (const value of ['canary', 'http//user:canary@host', '//canary', ' canary']) {
      const told = faults({ ...right, [variable]: value }).join()
      expect(told).toContain(`${variable} (set, not shown): must be a`)
      expect(told).not.toContain('canary')
    }
  },
)

test('a secret stays one under a default, as optional, and after its description', () => {
  const word = z.string().min(10)
  const given = z.object({
    PLAIN: secret(word),
    OPTIONAL: secret(word).optional(),
    DEFAULT: secret(word).default('long enough'),
    NESTED: secret(word).optional().nullable(),
    DESCRIBED: secret(word.meta({ description: 'must be long' })),
  })
  const told = faults(Object.fromEntries(Object.keys(given.shape).map((k) => [k, 'canary'])), given)
  expect(told).toHaveLength(5)
  expect(told.join()).not.toContain('canary')
})

test('a value that would forge a log line is shown escaped', () => {
  const told = faults({ ...right, LOG_LEVEL: 'x\nDATABASE_URL (fine)' })
  expect(told).toHaveLength(1)
})

test.for([' ', '\t', '0x50', '8e1', '+80', '80 ', '٨٠'])(
  '%j is no port: only digits are',
  (value) => {
    expect(faults({ PORT: value }, z.object({ PORT: port }))).toHaveLength(1)
  },
)

test('the ends of a range are allowed', () => {
  const given = z.object({ WAIT: wholeNumber('milliseconds to wait', 1, 1_000) })
  for (const value of ['1', '1000']) expect(faults({ WAIT: value }, given)).toEqual([])
  for (const value of ['0', '1001']) expect(faults({ WAIT: value }, given)).toHaveLength(1)
})

const fileWith = async (content: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-config-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'setting')
  await writeFile(path, content)
  return path
}

test.for([
  ['as it is', ''],
  ['without its last newline', '\n'],
  ['without its last newline of Windows', '\r\n'],
])('a variable may be the content of a file, %s', async ([, end]) => {
  const DATABASE_URL_FILE = await fileWith(`${right.DATABASE_URL}${end}`)
  expect(parseConfig(schema, { DATABASE_URL_FILE })).toMatchObject(right)
})

test('blanks of a file belong to the value', async () => {
  const given = z.object({ WORD: z.string() })
  expect(parseConfig(given, { WORD_FILE: await fileWith(' a\nb \n\n') })).toEqual({
    WORD: ' a\nb \n',
  })
})

test('an empty file counts as absent, and so does an empty name of one', async () => {
  const config = parseConfig(schema, {
    ...right,
    REDIS_URL_FILE: await fileWith('\n'),
    LOG_LEVEL_FILE: '',
  })
  expect(config).toMatchObject({ LOG_LEVEL: 'info' })
  expect(config.REDIS_URL).toBeUndefined()
})

test('a file that cannot be read is named, beside whatever else is wrong', () => {
  const told = faults({ DATABASE_URL_FILE: '/nowhere/url', LOG_LEVEL: 'loud' })
  expect(told).toEqual([
    '  DATABASE_URL_FILE ("/nowhere/url"): must name a file that can be read (ENOENT)',
    expect.stringContaining('LOG_LEVEL ("loud")'),
  ])
})

test('a variable and its file are not both believed', async () => {
  const DATABASE_URL_FILE = await fileWith('postgres://other/stock')
  expect(faults({ ...right, DATABASE_URL_FILE })).toEqual([
    expect.stringContaining('must not be set beside DATABASE_URL'),
  ])
})

test('what a file holds is in no message, whatever variable it was meant for', async () => {
  const path = await fileWith('canary')
  for (const variable of ['DATABASE_URL', 'LOG_LEVEL', 'JOB_ATTEMPTS']) {
    const told = faults({ ...right, DATABASE_URL: '', [`${variable}_FILE`]: path }).join()
    expect(told).toContain(`${variable} (set, not shown): must be`)
    expect(told).not.toContain('canary')
  }
})

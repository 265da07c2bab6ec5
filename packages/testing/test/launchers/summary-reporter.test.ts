import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

const here = fileURLToPath(new URL('.', import.meta.url))
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const reporter = fileURLToPath(new URL('../../src/summary-reporter.ts', import.meta.url))

let folder: string
beforeEach(async () => {
  // Inside the package, so that the run finds vitest; it is a run of its own.
  folder = await mkdtemp(join(here, 'run-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function lastLines(files: Record<string, string>, globalSetup: string[] = []) {
  const config = `import { SummaryReporter } from ${JSON.stringify(reporter)}
    export default { test: { allowOnly: false, include: ['*.check.ts'],
      globalSetup: ${JSON.stringify(globalSetup)}, reporters: ['default', new SummaryReporter()] } }`
  await writeFile(join(folder, 'vitest.config.ts'), config)
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), `import { beforeAll, test } from 'vitest'\n${text}`)
  }
  const { promise, resolve } = Promise.withResolvers<{ code: number; lines: string[] }>()
  const args = [vitest, 'run', '--root', folder, '--config', join(folder, 'vitest.config.ts')]
  execFile(process.execPath, args, { env: { NO_COLOR: '1' } }, (error, stdout) => {
    const lines = stdout.trimEnd().split('\n')
    resolve({ code: Number(error?.code ?? 0), lines })
  })
  return promise
}

test('passed tests are counted and nothing skipped is said so', async () => {
  const { code, lines } = await lastLines({ 'a.check.ts': "test('one', () => {})" })
  expect(lines.slice(-3)).toEqual([
    'skipped: none',
    'passed only when repeated: none',
    '1 passed, 0 failed',
  ])
  expect(code).toBe(0)
})

test('failed and skipped tests are counted, the skipped by name', async () => {
  const source = `test('good', () => {}); test.skip('left out', () => {}); test.todo('later')
    test('bad', () => { throw new Error('x') })`
  const { code, lines } = await lastLines({ 'a.check.ts': source })
  expect(lines.at(-1)).toBe('1 passed, 1 failed, 2 skipped')
  expect(lines.slice(-5, -2)).toEqual([
    'skipped: 2',
    '  a.check.ts > left out',
    '  a.check.ts > later',
  ])
  expect(code).toBe(1)
})

test('what passes only when it is repeated is named', async () => {
  const source = `let runs = 0
    test('shaky', { retry: 1 }, () => { runs += 1; if (runs === 1) throw new Error('x') })`
  const { code, lines } = await lastLines({ 'a.check.ts': source })
  expect(lines.slice(-3)).toEqual([
    'passed only when repeated: 1',
    '  a.check.ts > shaky',
    '1 passed, 0 failed',
  ])
  expect(code).toBe(0)
})

test.each([
  ['a file that does not load', { 'a.check.ts': "throw new Error('x')" }],
  ['a file without a test', { 'a.check.ts': '' }],
  ['a forgotten .only', { 'a.check.ts': "test.only('one', () => {})" }],
  ['an empty selection', {}],
  [
    'an unhandled rejection',
    { 'a.check.ts': "test('t', () => void Promise.reject(new Error('x')))" },
  ],
])('%s is a failure', async (_, files: Record<string, string>) => {
  const { code, lines } = await lastLines(files)
  expect(lines.at(-1)).toMatch(/^[01] passed, 1 failed$/)
  expect(code).toBe(1)
})

test('a failing hook is a failure', async () => {
  const source = "beforeAll(() => { throw new Error('x') }); test('one', () => {})"
  const { code, lines } = await lastLines({ 'a.check.ts': source })
  expect(lines.at(-1)).toMatch(/^0 passed, 1 failed/)
  expect(code).toBe(1)
})

test('a failing global setup is a failure', async () => {
  const setup = join(folder, 'setup.ts')
  await writeFile(setup, "export default () => { throw new Error('x') }")
  const { code, lines } = await lastLines({ 'a.check.ts': "test('one', () => {})" }, [setup])
  expect(lines.at(-1)).toBe('0 passed, 1 failed')
  expect(code).toBe(1)
})

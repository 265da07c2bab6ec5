import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..', '..', '..')
const client = join(root, 'packages', 'client')

test("the client's types are those of the API's document: run pnpm generate:client", () => {
  const run = (script: string, input = '') =>
    execFileSync(process.execPath, [script], {
      cwd: client,
      input,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
  const document = run(join(root, 'apps', 'api', 'openapi-main.ts'))
  const types = run(join(client, 'node_modules', 'openapi-typescript', 'bin', 'cli.js'), document)
  expect(readFileSync(join(client, 'src', 'api.ts'), 'utf8') === types).toBe(true)
}, 120_000)

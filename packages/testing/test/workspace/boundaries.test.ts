import { execFileSync, spawnSync } from 'node:child_process'
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '../../../..')
const bin = (name: string) => join(root, 'node_modules/.bin', name)

/** The checkout's source without what is installed, to be broken at will. */
const copyOfTheCheckout = async () => {
  const copy = await mkdtemp(join(tmpdir(), 'inventoryrpa-boundaries-'))
  onTestFinished(() => rm(copy, { recursive: true, force: true }))
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })
  for (const file of listed.toString().trim().split('\n')) {
    await cp(join(root, file), join(copy, file)).catch(() => undefined)
  }
  execFileSync('git', ['init', '-q'], { cwd: copy })
  return copy
}

/** Imports one of our packages from a file of another, with the dependency declared as pnpm wants it. */
const addImport = async (copy: string, from: string, file: string, imported: string) => {
  const manifest = join(copy, from, 'package.json')
  const json = JSON.parse(await readFile(manifest, 'utf8'))
  json.dependencies = { ...json.dependencies, [imported]: 'workspace:*' }
  await writeFile(manifest, JSON.stringify(json))
  await appendFile(join(copy, from, file), `\nimport '${imported}'\n`)
}

const boundaries = (cwd: string) => {
  const { status, stdout, stderr } = spawnSync(bin('turbo'), ['boundaries'], { cwd })
  return { status, output: `${stdout}${stderr}` }
}

test('the imports of the checkout keep the design’s directions', async () => {
  expect(boundaries(await copyOfTheCheckout())).toMatchObject({ status: 0 })
}, 60_000)

test.for([
  ['an app', 'apps/api', 'app.ts', '@inventoryrpa/worker'],
  ['a leaf', 'packages/inventory', 'src/index.ts', '@inventoryrpa/contracts'],
  ['a package', 'packages/ledger', 'src/index.ts', '@inventoryrpa/local'],
  ['production code', 'apps/worker', 'worker.ts', '@inventoryrpa/testing'],
] as const)('%s that imports what it must not is reported', async ([, from, file, imported]) => {
  const copy = await copyOfTheCheckout()
  await addImport(copy, from, file, imported)
  const { status, output } = boundaries(copy)
  expect(status).not.toBe(0)
  expect(output).toContain(imported)
})

test.for([
  ['apps/worker/worker.ts', "import 'bullmq'", 'Only packages/queue knows BullMQ'],
  ['packages/ledger/src/index.ts', "import 'ioredis'", 'Only packages/queue knows Redis'],
  ['apps/api/app.ts', "import '@sentry/node'", 'Only packages/observability knows Sentry'],
  ['packages/ledger/src/migrate.ts', 'console.log(process.env.HOME)', 'noProcessEnv'],
] as const)('in %s the line %s is an error', async ([file, source, message]) => {
  const copy = await copyOfTheCheckout()
  await appendFile(join(copy, file), `\n${source}\n`)
  const lint = spawnSync(bin('biome'), ['lint', file], { cwd: copy })
  expect(lint.status).not.toBe(0)
  expect(`${lint.stdout}${lint.stderr}`).toContain(message)
})

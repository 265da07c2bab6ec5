import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { readCheckout } from '../deploy/checkout.ts'
import { root } from './command.ts'

const { packageManager } = JSON.parse(readCheckout('package.json')) as { packageManager: string }

const run = async (file: string, args: string[], cwd: string) => {
  // biome-ignore lint/style/noProcessEnv: npx needs the caller's registry and cache
  const child = promisify(execFile)(file, args, { cwd, env: process.env })
  const { stdout } = await child.catch((error) => {
    throw new Error(`${error.stdout}\n${error.stderr}`, { cause: error })
  })
  return stdout
}
const pnpm = (args: string[], cwd: string) => run('npx', ['-y', packageManager, ...args], cwd)

const program = `import { createClient, InventoryRpaError, type Batch } from '@inventoryrpa/client'

const client = createClient({ baseUrl: 'http://127.0.0.1:9', apiKey: 'k', retry: { retries: 0 } })
const read = async (id: string): Promise<Batch> => client.batch(id)
try {
  await read('x')
} catch (error) {
  if (error instanceof InventoryRpaError) console.log(error.code)
}
// @ts-expect-error A quantity is missing.
client.submit({ lines: [{ type: 'adjustment', sku: 'a', location: 'b' }] }).catch(() => undefined)
`

test('the packed client is installed in an empty folder: its command runs, its types hold', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-package-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await pnpm(['--filter', '@inventoryrpa/client', 'pack', '--pack-destination', folder], root)
  const [tarball = ''] = await readdir(folder)
  const listed = (await run('tar', ['-tzf', tarball], folder)).trimEnd().split('\n').sort()
  const expected = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']
  expect(listed).toEqual(expect.arrayContaining(expected.map((name) => `package/${name}`)))
  // What is published is built, and nothing else.
  expect(listed.filter((name) => /\/(?:src|test)\//.test(name))).toEqual([])

  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  await pnpm(['add', '--prefer-offline', `./${tarball}`], folder)
  const command = join(folder, 'node_modules', '.bin', 'inventoryrpa')
  const { version } = JSON.parse(readCheckout('packages/client/package.json'))
  expect(await run(command, ['--version'], folder)).toBe(`${version}\n`)
  expect(await run(command, ['submit', '--help'], folder)).toContain('Examples:')

  await writeFile(join(folder, 'main.ts'), program)
  // Without the types of Node.js, as in a browser.
  const compilerOptions = {
    ...{ strict: true, noEmit: true, module: 'nodenext', target: 'es2022' },
    ...{ lib: ['es2023', 'dom', 'dom.iterable'], types: [] },
  }
  const files = ['main.ts']
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  for (const compiler of [root, join(root, 'packages', 'client')]) {
    await run(join(compiler, 'node_modules', '.bin', 'tsc'), ['--project', folder], folder)
  }
  expect(await run(process.execPath, ['main.ts'], folder)).toBe('unreachable\n')
}, 180_000)

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { validate } from 'dockerfile-utils'
import { expect, onTestFinished, test } from 'vitest'
import { unpackDebianPackages } from '../../src/debian-packages.ts'
import { baseImage } from './build-image.ts'
import { hasCommand, rootDir, run } from './buildah.ts'

const read = (path: string) => readFile(join(rootDir, path), 'utf8')

test('the image runs the Node that the repository pins', async () => {
  const version = (await read('.node-version')).trim()
  expect(await baseImage()).toMatch(new RegExp(`^docker\\.io/library/node:${version}-\\w+-slim$`))
  const { devDependencies } = JSON.parse(await read('package.json'))
  expect(devDependencies['node-runtime']).toBe(`npm:node@${version}`)
})

test('the image runs Node with the flags that start and demo run it with', async () => {
  const [, flags = ''] = /^ARG NODE_FLAGS="(.*)"$/m.exec(await read('Dockerfile')) ?? []
  const spawned = await read('packages/local/src/app-process.ts')
  const [, listed = ''] = /execArgv: \[(.*)\],\n/.exec(spawned) ?? []
  expect(flags.split(' ')).toEqual(listed.replaceAll("'", '').split(', '))
  expect(await read('Dockerfile')).toContain('MALLOC_ARENA_MAX=1')
})

test('every image that compose pulls is pinned to a release', async () => {
  const compose = await read('docker-compose.yml')
  const images = [...compose.matchAll(/^ +image: (?!.*inventoryrpa)(.*)$/gm)]
  expect(images.length).toBe(4)
  for (const [, image = ''] of images) expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?(-\w+)?$/)
})

test('every instruction of the Dockerfile is known, complete and not deprecated', async () => {
  expect(validate(await read('Dockerfile'))).toEqual([])
  expect(validate('FROM scratch\nMAINTAINER someone').length).toBeGreaterThan(0)
})

const hasHadolint = await hasCommand('hadolint')
test.skipIf(!hasHadolint)(
  'hadolint finds nothing in the Dockerfile (hadolint on the PATH)',
  async () => {
    expect(await run('hadolint', ['--no-color', join(rootDir, 'Dockerfile')])).toBe('')
  },
)

/** The commands of RUN, as the shell gets them. */
const commandsOf = (dockerfile: string) =>
  [...dockerfile.matchAll(/^RUN ((?:.*\\\n)*.*)$/gm)].map(([, command = '']) =>
    command.replace(/^(?:--mount=\S+\s+(?:\\\n\s*)?)+/, ''),
  )

test('ShellCheck finds nothing in what the image is built with, or in the script for secrets', async () => {
  const tools = join(rootDir, '.data', 'shellcheck')
  await unpackDebianPackages(['shellcheck'], tools)
  const check = (path: string) => run(join(tools, 'usr/bin/shellcheck'), ['--shell=dash', path])
  expect(await check(join(rootDir, 'deploy/compose/make-secrets.sh'))).toBe('')

  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-run-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const commands = commandsOf(await read('Dockerfile'))
  expect(commands.length).toBeGreaterThan(6)
  const path = join(folder, 'run.sh')
  // Their build arguments.
  const known = ['NODE_FLAGS', 'USER_ID'].map((name) => `: "\${${name}:?}"`)
  await writeFile(path, [...known, ...commands].join('\n'))
  expect(await check(path)).toBe('')
}, 300_000)

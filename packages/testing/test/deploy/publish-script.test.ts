import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkout, readCheckout } from './checkout.ts'

const { packageManager } = JSON.parse(readCheckout('package.json')) as { packageManager: string }

/** Runs the script in a workspace with these packages, publishing nothing. */
const publish = async (packages: Record<string, object>) => {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-publish-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(
    join(folder, 'pnpm-workspace.yaml'),
    'packages: ["packages/*"]\npmOnFail: ignore\n',
  )
  await writeFile(join(folder, 'package.json'), '{ "name": "root", "private": true }')
  for (const [name, manifest] of Object.entries(packages)) {
    await mkdir(join(folder, 'packages', name), { recursive: true })
    await writeFile(
      join(folder, 'packages', name, 'package.json'),
      JSON.stringify({ name, version: '1.2.3', ...manifest }),
    )
  }
  // As CI installs it, wherever these tests run.
  await mkdir(join(folder, 'bin'))
  const pnpm = `#!/bin/sh\nexec npx -y ${packageManager} "$@"\n`
  await writeFile(join(folder, 'bin/pnpm'), pnpm, { mode: 0o755 })
  const script = join(checkout, '.github/publish-packages.sh')
  const { status, stdout, stderr } = spawnSync(script, ['--dry-run'], {
    cwd: folder,
    // biome-ignore lint/style/noProcessEnv: npx needs the caller's registry and cache
    env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
  })
  return { status, output: `${stdout}${stderr}` }
}

test('when all packages are private it says so and publishes nothing', async () => {
  const { status, output } = await publish({ ledger: { private: true } })
  expect(output).toContain('No workspace package is meant to be published: all are private.\n')
  expect(status).toBe(0)
}, 60_000)

test('a package that is not private is published, the others are not', async () => {
  const { status, output } = await publish({ client: {}, ledger: { private: true } })
  expect(output).toContain('Publishing: client\n')
  expect(output).toMatch(/client[@-]1\.2\.3/)
  expect(output).not.toContain('ledger')
  expect(status).toBe(0)
}, 60_000)

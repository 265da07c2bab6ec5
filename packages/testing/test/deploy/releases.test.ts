import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { checkout, readCheckout } from './checkout.ts'
import { type Proposal, scratchRepository } from './scratch-repository.ts'

const given = (proposal: Proposal | undefined): Proposal => {
  if (proposal === undefined) throw new Error('nothing was proposed')
  return proposal
}
describe('the next version follows from the commits', () => {
  test.for([
    ['1.4.2', 'fix: a chunk is not forgotten', '1.4.3'],
    ['1.4.2', 'perf(ledger): fewer round trips', '1.4.3'],
    ['1.4.2', 'feat: schedules', '1.5.0'],
    ['1.4.2', 'feat(api)!: another answer', '2.0.0'],
    ['1.4.2', 'fix: a header\n\nBREAKING CHANGE: clients send it', '2.0.0'],
    ['0.4.2', 'feat(api)!: another answer', '0.5.0'],
    ['0.4.2', 'chore: ready\n\nRelease-As: 1.0.0', '1.0.0'],
  ] as const)('after %s, %j makes %s', async ([released, message, next]) => {
    const repository = await scratchRepository(released)
    await repository.commit(message, { change: '1' })
    expect(given(await repository.propose())).toMatchObject({ title: `chore: release ${next}` })
  })

  test('the first release is 0.1.0', async () => {
    const repository = await scratchRepository()
    await repository.commit('feat: batches', { change: '1' })
    expect(given(await repository.propose()).title).toBe('chore: release 0.1.0')
  })

  test('what changes nothing for its users is not released', async () => {
    const repository = await scratchRepository('1.4.2')
    for (const type of ['chore', 'test', 'docs', 'refactor']) {
      await repository.commit(`${type}: tidy`, { change: type })
    }
    expect(await repository.propose()).toBeUndefined()
  })
})

test('a release pull request raises all versions together and says what changed', async () => {
  const repository = await scratchRepository('1.4.2')
  await repository.commit('feat(api): schedules', { change: '1' })
  await repository.commit('fix: a chunk is not forgotten', { change: '2' })
  await repository.commit('test: more', { change: '3' })
  const files = await given(await repository.propose()).files()
  const fileIn = (path: string) => JSON.parse(files[path] ?? '')
  expect(fileIn('package.json').version).toBe('1.5.0')
  expect(fileIn('packages/client/package.json').version).toBe('1.5.0')
  expect(fileIn('packages/ledger/package.json').version).toBeUndefined()
  expect(fileIn('.github/release/manifest.json')).toEqual({ '.': '1.5.0' })
  expect(files['k8s/base/kustomization.yaml']).toMatch(/^newTag: v1\.5\.0 /)
  const changelog = files['CHANGELOG.md']
  expect(changelog).toMatch(/### Added\s+\* \*\*api:\*\* schedules/)
  expect(changelog).toMatch(/### Fixed\s+\* a chunk is not forgotten/)
  expect(changelog).not.toContain('more')
})

test('a merged release is tagged once, at its commit, and the next begins after it', async () => {
  const repository = await scratchRepository()
  await repository.commit('feat: batches', { change: '1' })
  const sha = await repository.merge(given(await repository.propose()))
  expect(await repository.release()).toEqual([
    { tagName: 'v0.1.0', sha, notes: expect.stringContaining('batches') },
  ])
  expect(await repository.release()).toEqual([])
  expect(repository.tags()).toEqual(['v0.1.0'])
  expect(await repository.propose()).toBeUndefined()

  await repository.commit('fix: a header', { change: '2' })
  const next = given(await repository.propose())
  expect(next.title).toBe('chore: release 0.1.1')
  const changelog = (await next.files())['CHANGELOG.md']
  expect(changelog).toMatch(/0\.1\.1[\s\S]*a header[\s\S]*0\.1\.0[\s\S]*batches/)
})

test('what a release changes passes lint as it is', async () => {
  const repository = await scratchRepository('1.4.2')
  await repository.commit('feat: schedules', { change: '1' })
  await repository.merge(given(await repository.propose()))
  for (const file of ['biome.json', '.gitignore']) {
    await copyFile(join(checkout, file), join(repository.folder, file))
  }
  const biome = join(checkout, 'node_modules/.bin/biome')
  const paths = ['CHANGELOG.md', 'package.json', '.github', 'packages']
  const { status, stderr, stdout } = spawnSync(biome, ['check', '--error-on-warnings', ...paths], {
    cwd: repository.folder,
  })
  expect(`${stdout}${stderr}`).toContain('Checked 5 files')
  expect(status).toBe(0)
})

type PackageJson = { name: string; version?: string; private?: boolean }

test('this checkout is at the version released last', () => {
  const { packages } = parse(readCheckout('pnpm-workspace.yaml')) as { packages: string[] }
  const manifests = packages.flatMap((pattern) =>
    globSync(`${pattern}/package.json`, { cwd: checkout }),
  )
  expect(manifests.length).toBeGreaterThan(9)
  const version = JSON.parse(readCheckout('.github/release/manifest.json'))['.']
  expect(JSON.parse(readCheckout('package.json')).version).toBe(version)
  for (const path of manifests) {
    const manifest = JSON.parse(readCheckout(path)) as PackageJson
    // What is published has the version of the release; nothing else needs one.
    const expected = manifest.private ? [undefined, version] : [version]
    expect(expected, path).toContain(manifest.version)
    if (manifest.version !== undefined) expect(path).toMatch(/^packages\//)
  }
})

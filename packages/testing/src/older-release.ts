import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** As long as no release is tagged: the last commit with the schema of 0001-spine alone. */
const firstRelease = '6d012e1a3329b77620886ea01bf2aff048446d3a'

export type OlderRelease = { name: string; commit: string }

/** The newest release before this checkout, from its own history; undefined where that is not there. */
export const findOlderRelease = async (rootDir: string): Promise<OlderRelease | undefined> => {
  const git = async (...args: string[]) => (await run('git', ['-C', rootDir, ...args])).stdout
  try {
    const merged = ['--merged', 'HEAD', '--no-contains', 'HEAD', '--sort=-version:refname']
    const [tag] = (await git('tag', '--list', 'v*', ...merged)).split('\n')
    const name = tag || firstRelease
    return { name, commit: (await git('rev-parse', '--verify', `${name}^{commit}`)).trim() }
  } catch {
    return undefined
  }
}

export type CheckedOut = AsyncDisposable & { rootDir: string }

/** Its apps, ready to run, in a folder of their own with the dependencies that its lockfile names. */
export const checkOut = async (rootDir: string, { commit }: OlderRelease): Promise<CheckedOut> => {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-release-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const archive = join(folder, 'release.tar')
  await run('git', ['-C', rootDir, 'archive', '--output', archive, commit])
  await run('tar', ['-xf', archive, '-C', folder])
  const { packageManager } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const install = ['install', '--prod', '--frozen-lockfile', '--prefer-offline', '--ignore-scripts']
  await run('npx', ['-y', packageManager, ...install, '--filter', '{./apps/*}...'], { cwd: folder })
  const held = stack.move()
  return { rootDir: folder, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

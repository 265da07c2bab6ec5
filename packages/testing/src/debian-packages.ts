import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type UnpackOptions = {
  /** Also what they depend on and this machine lacks. */
  dependencies?: boolean
  /** A release of Debian by name, where this machine's own has them not, or too old. */
  release?: string
  env?: Record<string, string> | undefined
}

/**
 * Unpacks Debian's packages into `folder`, if it is not there yet. Nothing is installed and no root
 * needed: apt-get downloads by package lists of its own, since the machine's may be absent or old.
 * @throws Error where there is no apt-get or it cannot download
 */
export const unpackDebianPackages = async (
  packages: string[],
  folder: string,
  { dependencies = false, release, env }: UnpackOptions = {},
): Promise<void> => {
  if (await exists(folder)) return
  await mkdir(dirname(folder), { recursive: true })
  const draft = await mkdtemp(`${folder}-`)
  const limits = { cwd: draft, timeout: 300_000, ...(env && { env }) }
  const settings = ['Debug::NoLocking=true', `Dir::State::lists=${join(draft, 'lists')}`]
  if (release !== undefined) {
    const sources = join(draft, 'release.sources')
    await writeFile(sources, sourcesOf(release))
    settings.push(`Dir::Etc::sourcelist=${sources}`, 'Dir::Etc::sourceparts=/dev/null')
  }
  const apt = (...args: string[]) =>
    run('apt-get', ['-q', ...settings.flatMap((it) => ['-o', it]), ...args], limits)
  try {
    await mkdir(join(draft, 'lists/partial'), { recursive: true })
    await apt('update')
    const wanted = new Set(packages)
    if (dependencies) {
      const plan = ['--simulate', '--no-install-recommends', 'install', ...packages]
      const { stdout } = await apt(...plan)
      for (const match of stdout.matchAll(/^Inst (\S+)/gm)) wanted.add(match[1] as string)
    }
    // Those asked for also when they are installed, though not on the PATH.
    await apt('download', ...wanted)
    for (const file of await readdir(draft)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', file, 'root'], limits)
    }
    await rename(join(draft, 'root'), folder).catch(async (error) => {
      // Another process was faster.
      if (!(await exists(folder))) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

const sourcesOf = (release: string) => `Types: deb
URIs: http://deb.debian.org/debian
Suites: ${release}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`

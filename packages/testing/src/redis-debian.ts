import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { FindRedisOptions } from './redis-binary.ts'

const run = promisify(execFile)
const defaultCacheDir = fileURLToPath(new URL('../../../.data/redis-server', import.meta.url))

/**
 * Debian's redis-server with the libraries this machine lacks, downloaded by apt-get and unpacked
 * into `cacheDir`. Not installed, even as root: Debian would start a service on port 6379.
 * @throws Error where there is no apt-get or it cannot download
 */
export async function debianRedis(
  options: FindRedisOptions,
): Promise<{ command: string; env: Record<string, string> }> {
  const cacheDir = options.cacheDir ?? defaultCacheDir
  const command = join(cacheDir, 'usr/bin/redis-server')
  const present = await access(command).then(
    () => true,
    () => false,
  )
  if (!present) await download(cacheDir, options.env)
  const libraries = await libraryFolders(cacheDir)
  return { command, env: { LD_LIBRARY_PATH: libraries.join(':') } }
}

async function download(cacheDir: string, env?: Record<string, string>): Promise<void> {
  await mkdir(dirname(cacheDir), { recursive: true })
  const draft = await mkdtemp(`${cacheDir}-`)
  const limits = { cwd: draft, timeout: 300_000, ...(env && { env }) }
  const apt = (...args: string[]) =>
    run('apt-get', ['-q', '-o', 'Debug::NoLocking=true', ...args], limits)
  try {
    const lists = ['-o', `Dir::State::lists=${join(draft, 'lists')}`]
    const plan = ['--simulate', '--no-install-recommends', 'install', 'redis-server']
    // The machine's package lists may be absent or out of date; own ones need no root.
    await mkdir(join(draft, 'lists/partial'), { recursive: true })
    await apt(...lists, 'update')
    const { stdout } = await apt(...lists, ...plan)
    const missing = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] as string)
    // Those two also when they are installed, though not on the PATH.
    await apt(...lists, 'download', ...new Set(['redis-server', 'redis-tools', ...missing]))
    for (const file of await readdir(draft)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', file, 'root'], limits)
    }
    await rename(join(draft, 'root'), cacheDir)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function libraryFolders(cacheDir: string): Promise<string[]> {
  const entries = await readdir(cacheDir, { recursive: true, withFileTypes: true })
  const folders = entries.filter((entry) => entry.name.includes('.so')).map((e) => e.parentPath)
  return [...new Set(folders)]
}

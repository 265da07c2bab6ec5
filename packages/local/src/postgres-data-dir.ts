import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  realpath,
  rename,
  rm,
  symlink,
  unlink,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Account, giveTo } from './postgres-account.ts'
import { ensureRootOwned, sharedRoot } from './postgres-binaries.ts'
import { readFileIfPresent, writePrivateFile } from './private-file.ts'

/** What is kept beside the data directory, in `<dataDir>.json`, mode 600. */
export interface ClusterState {
  password: string
  port?: number
}

/**
 * The real path of the data directory, which `account` can reach. Where it cannot (root keeps the
 * clone in its home), `dataDir` becomes a link to a folder under /var/lib that only root can change.
 */
export async function placeDataDir(dataDir: string, account: Account | undefined): Promise<string> {
  const parent = dirname(resolve(dataDir))
  await mkdir(parent, { recursive: true })
  const present = await lstat(dataDir).catch(() => undefined)
  if (present?.isSymbolicLink()) {
    return realpath(dataDir).catch(() => {
      throw new Error(`${dataDir} points to a folder that is gone; remove the link to start empty`)
    })
  }
  if (account === undefined || canEnter(parent, account))
    return join(await realpath(parent), resolve(dataDir).slice(parent.length + 1))
  if (present !== undefined)
    throw new Error(`PostgreSQL runs as user ${account.name}, who cannot reach ${dataDir}`)
  await ensureRootOwned(sharedRoot)
  const home = await mkdtemp(join(sharedRoot, 'data-'))
  // PostgreSQL may pass through, root alone may change what is there.
  await chown(home, 0, account.gid)
  await chmod(home, 0o710)
  const real = join(home, 'postgres')
  await mkdir(real)
  await symlink(real, dataDir)
  return real
}

function canEnter(folder: string, { uid, gid }: Account): boolean {
  const options = { uid, gid, cwd: '/' }
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], options).status === 0
}

/** Reads the cluster's state; creates the cluster first if the directory holds none. */
export async function ensureCluster(
  dataDir: string,
  realDataDir: string,
  native: string,
  account: Account | undefined,
): Promise<ClusterState> {
  const statePath = `${dataDir}.json`
  const text = await readFileIfPresent(statePath)
  if (await lstat(join(realDataDir, 'PG_VERSION')).catch(() => undefined)) {
    if (text !== undefined) return JSON.parse(text) as ClusterState
    throw new Error(
      `${statePath} with the password of the database in ${realDataDir} is missing: ` +
        `restore it, or remove ${dataDir} to start empty`,
    )
  }
  const state: ClusterState = { password: randomBytes(32).toString('base64url') }
  await saveClusterState(dataDir, state)
  await initialise(realDataDir, native, account, state.password)
  return state
}

/** Keeps the state for the next start. */
export async function saveClusterState(dataDir: string, state: ClusterState): Promise<void> {
  await writePrivateFile(`${dataDir}.json`, `${JSON.stringify(state)}\n`)
}

async function initialise(
  realDataDir: string,
  native: string,
  account: Account | undefined,
  password: string,
): Promise<void> {
  // Made aside and renamed: a start that is cut off never leaves half a cluster behind.
  const draft = `${realDataDir}.new`
  const passwordFile = `${realDataDir}.password`
  await rm(draft, { recursive: true, force: true })
  try {
    await mkdir(draft, { mode: 0o700 })
    await giveTo(account, draft)
    await writePrivateFile(passwordFile, `${password}\n`)
    await giveTo(account, passwordFile)
    await runInitdb(native, account, [`--pgdata=${draft}`, `--pwfile=${passwordFile}`])
    await rename(draft, realDataDir)
  } finally {
    await unlink(passwordFile).catch(() => undefined)
    await rm(draft, { recursive: true, force: true })
  }
}

async function runInitdb(native: string, account: Account | undefined, paths: string[]) {
  const options = [
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Needs no locale of the machine, sorts the same everywhere.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ]
  const ids = account && { uid: account.uid, gid: account.gid }
  const child = spawn(join(native, 'bin/initdb'), [...paths, ...options], {
    ...ids,
    cwd: '/',
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('error', reject)
  child.once('close', (code, signal) => {
    if (code === 0) resolve()
    else reject(new Error(`initdb failed (${signal ?? code}): ${complaint.trim()}`))
  })
  await promise
}

/** Removes a stopped cluster altogether, wherever its data directory really lies. */
export async function removeCluster(dataDir: string): Promise<void> {
  const real = await realpath(dataDir).catch(() => dataDir)
  await rm(real, { recursive: true, force: true })
  if (dirname(real).startsWith(join(sharedRoot, 'data-')))
    await rm(dirname(real), { recursive: true })
  await rm(dataDir, { recursive: true, force: true })
  await rm(`${dataDir}.json`, { force: true })
}

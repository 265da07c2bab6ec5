import { execFile } from 'node:child_process'
import { chown } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Account {
  name: string
  uid: number
  gid: number
}

/**
 * PostgreSQL refuses to run as root. For root this gives the unprivileged account to run it as,
 * making a system user `postgres` if there is none; for anyone else undefined: run it as yourself.
 */
export async function postgresAccount(): Promise<Account | undefined> {
  if (userInfo().uid !== 0) return undefined
  const existing = (await findAccount('postgres')) ?? (await findAccount('_postgres'))
  if (existing !== undefined) return existing
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'])
  } catch (cause) {
    const created = await findAccount('postgres')
    if (created !== undefined) return created
    throw new Error(
      'PostgreSQL cannot run as root, and creating a system user "postgres" for it failed. ' +
        'Start this as an ordinary user, create that user, or set DATABASE_URL.',
      { cause },
    )
  }
  return findAccount('postgres')
}

async function findAccount(name: string): Promise<Account | undefined> {
  try {
    const uid = await run('id', ['-u', name])
    const gid = await run('id', ['-g', name])
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

/** Hands a file or folder to the account PostgreSQL runs as. */
export async function giveTo(account: Account | undefined, path: string): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid)
}

import { randomBytes } from 'node:crypto'
import { link, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { readFileIfPresent } from './private-file.ts'
import { processStart } from './process-info.ts'

/** The lock is held by another process that lives. */
export class LockedError extends Error {
  readonly pid: number
  constructor(path: string, pid: number) {
    super(`${path} is held by process ${pid}`)
    this.name = 'LockedError'
    this.pid = pid
  }
}

/**
 * Takes a lock file naming this process and returns its release. A lock whose holder is dead, or
 * whose pid now belongs to another process, is taken over.
 * @throws LockedError if a living process, this one included, holds it
 */
export async function takePidLock(path: string): Promise<() => Promise<void>> {
  const own = [process.pid, await processStart(process.pid), randomBytes(8).toString('hex')].join(
    '\n',
  )
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, own, { flag: 'wx', mode: 0o600 })
  try {
    // link() instead of an exclusive open: a lock is never seen without its content.
    while (!(await linked(draft, path))) await clearStaleLock(path)
  } finally {
    await rm(draft, { force: true })
  }
  return async () => {
    if ((await readFileIfPresent(path)) === own) await rm(path, { force: true })
  }
}

async function clearStaleLock(path: string): Promise<void> {
  if (!(await isStale(path))) return
  // Of several starters only one may remove it, or a late one would remove the lock of the first.
  const release = await takePidLock(`${path}.clearing`).catch((error) => {
    if (error instanceof LockedError) return undefined
    throw error
  })
  if (release === undefined) return delay(10)
  try {
    if (await isStale(path)) await rm(path, { force: true })
  } finally {
    await release()
  }
}

async function isStale(path: string): Promise<boolean> {
  const text = await readFileIfPresent(path)
  if (text === undefined) return false
  const [pid, start] = text.split('\n')
  const now = await processStart(Number(pid))
  if (now !== undefined && now === start) throw new LockedError(path, Number(pid))
  return true
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

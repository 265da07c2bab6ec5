import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { debianRedis } from './redis-debian.ts'

const run = promisify(execFile)

/** How to run a Redis server here. */
export type RedisBinary =
  | { kind: 'command'; command: string; env?: Record<string, string> }
  | { kind: 'docker'; image: string }

export interface FindRedisOptions {
  /** The environment whose PATH is searched. Default: this process's. */
  env?: Record<string, string>
  /** Where Debian's package is unpacked if there is nothing else. */
  cacheDir?: string
}

/**
 * Finds a Redis: `redis-server` or `valkey-server` on the PATH, else a container engine, else
 * Debian's package unpacked into a private folder (nothing is installed into the system).
 * @throws Error saying what to install if there is none of these
 */
export async function findRedis(options: FindRedisOptions = {}): Promise<RedisBinary> {
  const { env } = options
  for (const command of ['redis-server', 'valkey-server']) {
    if (await works(command, ['--version'], env)) return { kind: 'command', command }
  }
  if (await works('docker', ['info'], env)) return { kind: 'docker', image: 'redis:8' }
  try {
    return { kind: 'command', ...(await debianRedis(options)) }
  } catch (cause) {
    throw new Error(
      'The tests need a Redis server: install redis-server or valkey-server ' +
        '(Debian: apt-get install redis-server; macOS: brew install redis), or start Docker.',
      { cause },
    )
  }
}

function works(command: string, args: string[], env?: Record<string, string>): Promise<boolean> {
  return run(command, args, { timeout: 10_000, ...(env && { env }) }).then(
    () => true,
    () => false,
  )
}

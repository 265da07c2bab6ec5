import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import type {} from './provided-context.ts'
import { deleteKeys } from './redis-command.ts'

export interface TestRedis {
  url: string
  /** For BullMQ's `prefix` option; a hash tag, so that it also holds on a cluster. */
  prefix: string
  /** Deletes everything under the prefix. */
  cleanup(): Promise<void>
}

/** The Redis of the test run with a prefix of its own. */
export function testRedis(): TestRedis {
  const url = inject('redisUrl')
  const prefix = `{test-${randomBytes(8).toString('hex')}}`
  return { url, prefix, cleanup: () => deleteKeys(url, prefix) }
}

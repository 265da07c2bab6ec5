import { constants, getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

test.for([
  [
    'give way to the others on scarce cores when they only take large chunks',
    'apply,plan,sync',
    constants.priority.PRIORITY_BELOW_NORMAL,
  ],
  ['stay as they are when they take small ones too', 'all', Number.NEGATIVE_INFINITY],
] as const)(
  'workers %s',
  async ([, queues, least]) => {
    const { system } = await startFreshSystem('postgres', {
      workers: 1,
      env: { WORKER_QUEUES: queues },
    })
    const [worker] = system.workers
    expect(getPriority(worker?.pid)).toBe(Math.max(getPriority(system.api.pid), least))
  },
  60_000,
)

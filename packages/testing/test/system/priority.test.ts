import { constants, getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { startFreshSystem } from './fresh-system.ts'

const belowNormal = constants.priority.PRIORITY_BELOW_NORMAL

test.for([
  { queues: 'apply,plan,sync', least: belowNormal, what: 'give way on scarce cores' },
  { queues: 'all', least: Number.NEGATIVE_INFINITY, what: 'keep their priority' },
])('workers of $queues $what', { timeout: 60_000 }, async ({ queues, least }) => {
  const { system } = await startFreshSystem('postgres', {
    workers: 1,
    env: { WORKER_QUEUES: queues },
  })
  const [worker] = system.workers
  expect(getPriority(worker?.pid)).toBe(Math.max(getPriority(system.api.pid), least))
})

import type { BatchPriority } from '@inventoryrpa/contracts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTenantPositions } from '../src/tenant-positions.ts'

type Chunk = { tenantId: number; priority: BatchPriority; lines: number; tag: number; at: number }

/** A queue that runs the lowest tag first, and what it ran. */
const simulate = (weights: readonly number[]) => {
  const waiting: Chunk[] = []
  const ran: Chunk[] = []
  const clock = { ms: 0 }
  let added = 0
  const linesOf = (tenantId: number, priority: BatchPriority) =>
    waiting
      .filter((it) => it.tenantId === tenantId && it.priority === priority)
      .reduce((sum, it) => sum + it.lines, 0)
  const newProcess = () =>
    createTenantPositions({
      virtualTime: async () =>
        Math.min(...waiting.map((it) => it.tag), Number.MAX_SAFE_INTEGER) % Number.MAX_SAFE_INTEGER,
      countBacklog: async (tenantId) => ({
        weight: weights[tenantId] ?? 1,
        low: linesOf(tenantId, 'low'),
        normal: linesOf(tenantId, 'normal'),
        high: linesOf(tenantId, 'high'),
      }),
      now: () => clock.ms,
    })
  let positions = newProcess()
  return {
    waiting,
    ran,
    clock,
    /** As an API that was killed and started again. */
    forget: () => {
      positions = newProcess()
    },
    add: async (tenantId: number, chunkLines: number[], priority: BatchPriority = 'normal') => {
      const tags = await positions.place(String(added), { tenantId, priority, chunkLines })
      for (const [index, tag] of tags.entries()) {
        added += 1
        waiting.push({ tenantId, priority, lines: chunkLines[index] as number, tag, at: added })
      }
    },
    runOne: () => {
      waiting.sort((a, b) => a.tag - b.tag || a.at - b.at)
      const next = waiting.shift()
      if (next) ran.push(next)
      return next
    },
  }
}

const largest = 1_000

test('tenants with a backlog share by weight, within one chunk of each at any moment', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: 1, max: largest })),
      async (weights, sizes) => {
        const queue = simulate(weights)
        for (const [tenantId, weight] of weights.entries()) {
          for (let lines = 0; lines < 20_000 * weight; ) {
            const size = sizes.next().value
            await queue.add(tenantId, [size])
            lines += size
          }
        }
        const served = weights.map(() => 0)
        // Until the first one has nothing left.
        while (weights.every((_, id) => queue.waiting.some((it) => it.tenantId === id))) {
          const { tenantId, lines } = queue.runOne() as Chunk
          served[tenantId] = (served[tenantId] as number) + lines / (weights[tenantId] as number)
          // A hundred lines are the resolution of tags.
          expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(largest + 100)
        }
      },
    ),
    { numRuns: 20 },
  )
})

test('whoever sends a small batch beside a million lines is served next', async () => {
  const queue = simulate([1, 1])
  for (let batch = 0; batch < 100; batch += 1) await queue.add(0, Array(10).fill(1_000))
  for (let ran = 0; ran < 900; ran += 1) {
    queue.clock.ms += 300
    if (ran % 10 !== 0) {
      queue.runOne()
      continue
    }
    await queue.add(1, [10])
    const next = [queue.runOne(), queue.runOne()]
    expect(next.map((it) => it?.tenantId)).toContain(1)
  }
})

test('nobody starves: what waits is served after at most its own share of the others', async () => {
  const queue = simulate([1, 1_000])
  await queue.add(0, [1_000, 1_000])
  for (let round = 0; round < 3_000; round += 1) {
    queue.clock.ms += 10
    await queue.add(1, [1_000])
    queue.runOne()
  }
  expect(queue.waiting.filter((it) => it.tenantId === 0)).toEqual([])
})

test('priority moves a batch before its own tenant only', async () => {
  const plain = simulate([1, 1])
  const urgent = simulate([1, 1])
  for (const [queue, priority] of [
    [plain, 'normal'],
    [urgent, 'high'],
  ] as const) {
    await queue.add(0, Array(20).fill(1_000))
    await queue.add(1, Array(20).fill(1_000))
    await queue.add(0, Array(5).fill(1_000), priority)
    await queue.add(0, [500], 'low')
    while (queue.runOne()) {
      // To the end.
    }
  }
  const lastOf = (queue: typeof plain) => queue.ran.findLastIndex((it) => it.tenantId === 0)
  const high = urgent.ran.flatMap((it, index) => (it.priority === 'high' ? [index] : []))
  expect(Math.max(...high)).toBeLessThan(20)
  expect(urgent.ran[lastOf(urgent)]?.priority).toBe('low')
})

test('a process that starts anew goes on where the backlog is', async () => {
  const queue = simulate([1, 1])
  await queue.add(0, Array(50).fill(1_000))
  queue.forget()
  await queue.add(0, [1_000])
  expect(queue.waiting.at(-1)?.tag).toBe(501)
})

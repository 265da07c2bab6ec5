import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openQueue } from './queue-under-test.ts'

describe.for(['redis', 'postgres'] as const)('on %s', (kind) => {
  test('schedules that are lost, kept otherwise or no longer wanted are put right, the others left alone', async () => {
    const { schedules } = (await openQueue(kind)).producer
    const hourly = { id: randomUUID(), everySeconds: 3_600, cron: null, timeZone: null }
    const nightly = {
      id: randomUUID(),
      everySeconds: null,
      cron: '0 3 * * *',
      timeZone: 'Europe/Berlin',
    }
    expect(await schedules.reconcile([hourly, nightly])).toBe(2)
    expect(await schedules.reconcile([hourly, nightly])).toBe(0)

    const changed = [{ ...hourly, everySeconds: 1_800 }, nightly]
    expect(await schedules.reconcile(changed)).toBe(1)
    expect(await schedules.reconcile(changed)).toBe(0)
    const moved = [
      { ...hourly, everySeconds: 1_800 },
      { ...nightly, timeZone: 'UTC' },
    ]
    expect(await schedules.reconcile(moved)).toBe(1)
    const swapped = [{ ...nightly, id: hourly.id }, moved[1] as typeof nightly]
    expect(await schedules.reconcile(swapped)).toBe(1)

    expect(await schedules.reconcile([nightly])).toBe(2)
    expect(await schedules.reconcile([nightly])).toBe(0)
  })
})

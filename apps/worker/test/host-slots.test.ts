import { expect, test } from 'vitest'
import { createHostSlots } from '../host-slots.ts'

test('a host has so many at once, as many may wait for them, and another has its own', async () => {
  const slots = createHostSlots(2)
  expect(await Promise.all([slots.take('a'), slots.take('a')])).toEqual([true, true])
  const waiting = [slots.take('a'), slots.take('a')]
  expect(await slots.take('a')).toBe(false)
  expect(await slots.take('b')).toBe(true)
  slots.release('a', true)
  slots.release('a', true)
  expect(await Promise.all(waiting)).toEqual([true, true])
  slots.release('a', true)
  slots.release('a', true)
  expect(await Promise.all([slots.take('a'), slots.take('a')])).toEqual([true, true])
})

test('nobody waits for long', async () => {
  const slots = createHostSlots(1)
  await slots.take('a')
  const started = performance.now()
  expect(await slots.take('a')).toBe(false)
  expect(performance.now() - started).toBeLessThan(2_000)
  slots.release('a', true)
  expect(await slots.take('a')).toBe(true)
})

test('a host that did not answer has one until it does, and nobody waits for it', async () => {
  const slots = createHostSlots(2)
  await slots.take('a')
  await slots.take('a')
  const waiting = slots.take('a')
  slots.release('a', false)
  expect(await waiting).toBe(false)
  slots.release('a', undefined)
  expect([await slots.take('a'), await slots.take('a')]).toEqual([true, false])
  slots.release('a', true)
  expect([await slots.take('a'), await slots.take('a')]).toEqual([true, true])
})

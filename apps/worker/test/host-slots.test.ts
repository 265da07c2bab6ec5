import { expect, test } from 'vitest'
import { createHostSlots } from '../host-slots.ts'

test('a host has so many at once, and another has its own', () => {
  const slots = createHostSlots(2)
  expect([slots.take('a'), slots.take('a'), slots.take('a')]).toEqual([true, true, false])
  expect(slots.take('b')).toBe(true)
  slots.release('a', true)
  expect(slots.take('a')).toBe(true)
})

test('a host that did not answer has one until it does', () => {
  const slots = createHostSlots(4)
  slots.take('a')
  slots.release('a', false)
  expect([slots.take('a'), slots.take('a')]).toEqual([true, false])
  slots.release('a', undefined)
  expect([slots.take('a'), slots.take('a')]).toEqual([true, false])
  slots.release('a', true)
  expect([slots.take('a'), slots.take('a')]).toEqual([true, true])
})

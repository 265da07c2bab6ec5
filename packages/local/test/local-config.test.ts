import { expect, test } from 'vitest'
import { readLocalConfig } from '../src/local-config.ts'

test('nothing needs to be set, and an empty variable counts as not set', () => {
  expect(readLocalConfig({ PORT: '', REDIS_URL: '' })).toEqual({ WORKERS: 2 })
})

test('every wrong variable is named at once, without the secret in a URL', () => {
  const read = () => readLocalConfig({ PORT: 'x', WORKERS: '0', DATABASE_URL: 'http://u:hidden@h' })
  expect(read).toThrow(/PORT \("x"\)/)
  expect(read).toThrow(/WORKERS \("0"\)/)
  expect(read).toThrow(/DATABASE_URL/)
  expect(read).not.toThrow(/hidden/)
})

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LockedError, takePidLock } from '../src/index.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-lock-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('of many that ask at once one gets the lock', async () => {
  const path = join(folder, 'lock')
  await writeFile(path, `${process.pid}\nanother start of that pid\nstale`)
  const asked = Array.from({ length: 20 }, () => takePidLock(path))
  const outcomes = await Promise.allSettled(asked)
  const taken = outcomes.flatMap((o) => (o.status === 'fulfilled' ? [o.value] : []))
  expect(taken).toHaveLength(1)
  for (const o of outcomes)
    if (o.status === 'rejected') expect(o.reason).toBeInstanceOf(LockedError)
  await taken[0]?.()
  expect(await readdir(folder)).toEqual([])
})

import { expect, test } from 'vitest'
import { applyChunkJob } from '../src/index.ts'
import { refusals } from './refusals.ts'

const job = { v: 1, batchId: '01994fcb-1f2c-7c3d-8a5e-000000000001', chunk: 0 }

test('a job is a reference to a chunk', () => {
  expect(applyChunkJob.parse(job)).toEqual(job)
})

test.for([
  ['of a newer version', { v: 2 }, '/v'],
  ['without a version', { v: undefined }, '/v'],
  ['of a batch that has no id', { batchId: '7' }, '/batchId'],
  ['of a chunk below zero', { chunk: -1 }, '/chunk'],
  ['of a part of a chunk', { chunk: 0.5 }, '/chunk'],
  ['that carries lines', { lines: [] }, '/lines'],
] as const)('a job %s is refused', ([, change, path]) => {
  expect(refusals(applyChunkJob, { ...job, ...change })).toEqual([path])
})

import { expect, test } from 'vitest'
import { deploy, image, manifests } from './cluster-stand-in.ts'

const prepare = 'apply --filename manifests.yaml --selector inventoryrpa/stage=prepare'
const migrate = 'apply --filename manifests.yaml --selector inventoryrpa/stage=migrate'
const rollOut = 'apply --filename manifests.yaml --selector !inventoryrpa/stage'
const tagged = 'ghcr.io/example/inventoryrpa:v1.2.3'
const running = { api: 7, worker: 4 }

test('what the migration needs comes first, then the migration, then all others', async () => {
  const { status, calls } = await deploy({ running })
  expect(status).toBe(0)
  expect(calls.filter((call) => !call.startsWith('wait '))).toEqual([
    prepare,
    'delete --filename manifests.yaml --selector inventoryrpa/stage=migrate --ignore-not-found --wait',
    migrate,
    rollOut,
    'rollout status deployment/api --timeout 15m',
    'rollout status deployment/worker --timeout 15m',
  ])
  const completed = calls.indexOf('wait job/migrate --for condition=Complete --timeout 15m')
  expect(completed).toBeGreaterThan(calls.indexOf(migrate))
  expect(completed).toBeLessThan(calls.indexOf(rollOut))
})

test.for([
  ['what the migration needs cannot be made', 'prepare', migrate],
  ['the migration fails', 'migration', rollOut],
])('when %s, the running version is left alone', async ([, broken = '', never]) => {
  const { status, calls } = await deploy({ running, broken })
  expect(status).toBe(1)
  expect(calls).toContain(prepare)
  expect(calls).not.toContain(never)
  expect(calls.join()).not.toContain('rollout')
})

test('a watch that breaks off is no failed migration', async () => {
  const { status, calls } = await deploy({ running, broken: 'watch' })
  expect(status).toBe(0)
  expect(calls).toContain(rollOut)
})

test('a rollout that fails is undone, for each Deployment to the revision it had', async () => {
  const { status, calls, output } = await deploy({ running, broken: 'worker' })
  expect(status).toBe(1)
  expect(output).toContain('the rollout failed and was undone')
  expect(calls.slice(calls.indexOf('rollout status deployment/worker --timeout 15m') + 1)).toEqual([
    'rollout undo deployment/api --to-revision 7',
    'rollout undo deployment/worker --to-revision 4',
    'rollout status deployment/api --timeout 15m',
    'rollout status deployment/worker --timeout 15m',
  ])
})

test('what did not change is not undone, nor what ran for the first time', async () => {
  const unchanged = await deploy({ running, broken: 'worker', changed: ['worker'] })
  expect(unchanged.calls.filter((call) => call.includes('undo'))).toEqual([
    'rollout undo deployment/worker --to-revision 4',
  ])
  const first = await deploy({ broken: 'worker' })
  expect(first.status).toBe(1)
  expect(first.output).toContain('the rollout failed')
  expect(first.calls.filter((call) => call.includes('undo'))).toEqual([])
})

test.for([
  ['an image named by a tag', manifests.replaceAll(image, tagged), tagged],
  ['manifests with another image', manifests.replaceAll('aaaa', 'bbbb'), image],
  ['manifests without a migration', manifests.replaceAll('stage: migrate', 'stage: x'), image],
  ['manifests without a Deployment', manifests.replaceAll('kind: Deployment', 'kind: Pod'), image],
  ['manifests without a namespace', manifests.replaceAll('  namespace: ', '  other: '), image],
])('%s: nothing is done', async ([, rendered, named]) => {
  const { status, calls } = await deploy({ running }, rendered, named)
  expect(status).toBe(1)
  expect(calls).toEqual([])
})

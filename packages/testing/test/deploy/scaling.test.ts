import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { overlay, overlays, type Workload } from './manifests.ts'
import { settingsOf } from './settings.ts'

const secrets = { DATABASE_URL: 'postgres://x', OPS_USER: 'x', OPS_PASSWORD: 'x' }

/** A constant of an app's main.ts, in milliseconds. */
const constantOf = async (app: string, constant: string) => {
  const file = join(import.meta.dirname, '../../../../apps', app, 'main.ts')
  const match = new RegExp(`const ${constant} = ([\\d_]+)`).exec(await readFile(file, 'utf8'))
  if (!match?.[1]) throw new Error(`${file} has no ${constant}`)
  return Number(match[1].replaceAll('_', ''))
}
const preStopMs = ({ containers }: Workload) =>
  (containers[0]?.lifecycle?.preStop?.sleep?.seconds ?? 0) * 1_000
const graceMs = ({ pod }: Workload) => (pod.terminationGracePeriodSeconds ?? 30) * 1_000

/** An isolated chunk, and a statement until the driver gives it up (docs/architecture.md). */
const longestChunkMs = 35_000

for (const it of overlays) {
  test(`${it.name}: a worker's pod outlives the longest chunk, whatever ends it`, async () => {
    const closingMs = await constantOf('worker', 'closingMs')
    for (const name of ['inventoryrpa-worker', 'inventoryrpa-worker-express']) {
      const worker = it.workload(name)
      const { SHUTDOWN_GRACE_MS } = settingsOf(it, worker, secrets)
      const shutdownMs = Number(SHUTDOWN_GRACE_MS)
      expect(shutdownMs).toBeGreaterThan(longestChunkMs)
      expect(preStopMs(worker)).toBeGreaterThan(0)
      expect(graceMs(worker)).toBeGreaterThan(preStopMs(worker) + shutdownMs + closingMs)
    }
  })

  test(`${it.name}: an API's pod serves until nobody sends to it, and then ends in time`, async () => {
    const api = it.workload('inventoryrpa-api')
    const shutdownMs = await constantOf('api', 'shutdownGraceMs')
    expect(preStopMs(api)).toBeGreaterThanOrEqual(5_000)
    expect(graceMs(api)).toBeGreaterThan(preStopMs(api) + shutdownMs)
  })

  test(`${it.name}: an update takes no pod before another is ready`, () => {
    for (const { spec } of it.of('Deployment')) {
      expect(spec?.strategy?.rollingUpdate).toMatchObject({ maxUnavailable: 0, maxSurge: 1 })
    }
  })

  test(`${it.name}: whoever scales the workers alone says how many there are`, () => {
    const replicas = Object.fromEntries(
      it.of('Deployment').map(({ metadata, spec }) => [metadata.name, spec?.replicas]),
    )
    expect(replicas['inventoryrpa-worker']).toBeUndefined()
    expect(it.of('HorizontalPodAutoscaler').length + it.of('ScaledObject').length).toBe(1)
    if (it.name !== 'dev') {
      expect(replicas['inventoryrpa-worker-express']).toBe(2)
      expect(replicas['inventoryrpa-api']).toBeGreaterThanOrEqual(2)
    }
  })

  test(`${it.name}: a step down outlasts the pods of the last one, and a burst is waited out`, () => {
    const behaviors = [
      ...it.of('HorizontalPodAutoscaler').map(({ spec }) => spec?.behavior),
      ...it
        .of('ScaledObject')
        .map(({ spec }) => spec.advanced?.horizontalPodAutoscalerConfig?.behavior),
    ]
    const graceSeconds = graceMs(it.workload('inventoryrpa-worker')) / 1_000
    expect(behaviors).toHaveLength(1)
    for (const behavior of behaviors) {
      expect(behavior?.scaleUp?.stabilizationWindowSeconds).toBe(0)
      expect(behavior?.scaleDown?.stabilizationWindowSeconds).toBeGreaterThanOrEqual(300)
      const steps = behavior?.scaleDown?.policies ?? []
      expect(steps.map(({ type }) => type)).toEqual(['Pods'])
      for (const { value, periodSeconds } of steps) {
        expect(value).toBeLessThanOrEqual(2)
        expect(periodSeconds).toBeGreaterThan(graceSeconds)
      }
    }
  })
}

test('by default 2 to 10 workers follow the CPU, at 70% of what they ask for', () => {
  const [hpa] = overlay('production').of('HorizontalPodAutoscaler')
  expect(hpa?.spec).toMatchObject({
    minReplicas: 2,
    maxReplicas: 10,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
      },
    ],
  })
})

test('with KEDA 2 to 10 workers follow backlog and oldest age, and the HPA of the base is gone', () => {
  const keda = overlay('production-keda')
  expect(keda.of('HorizontalPodAutoscaler')).toEqual([])
  const [scaledObject] = keda.of('ScaledObject')
  expect(scaledObject?.spec).toMatchObject({
    minReplicaCount: 2,
    maxReplicaCount: 10,
    advanced: { horizontalPodAutoscalerConfig: { name: 'inventoryrpa-worker' } },
  })
  // It takes over the HPA that a cluster already has from the other overlay.
  const [hpa] = overlay('production').of('HorizontalPodAutoscaler')
  expect(hpa?.metadata.name).toBe('inventoryrpa-worker')
  expect(scaledObject?.metadata.annotations).toMatchObject({
    'scaledobject.keda.sh/transfer-hpa-ownership': 'true',
  })
  expect(scaledObject?.spec.triggers.map(({ type, name }) => `${type} ${name}`)).toEqual([
    'prometheus backlog',
    'prometheus oldest-age',
  ])
})

test('while nothing can be measured, KEDA takes no worker away', () => {
  const [scaledObject] = overlay('production-keda').of('ScaledObject')
  expect(scaledObject?.spec.fallback).toMatchObject({ behavior: 'currentReplicasIfHigher' })
  for (const { metadata, metricType } of scaledObject?.spec.triggers ?? []) {
    expect(metadata.ignoreNullValues).toBe('false')
    // KEDA falls back for no other type.
    expect(metricType).toBe('AverageValue')
  }
})

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { type Behavior, type Bounds, defaultBehavior } from './hpa-behavior.ts'
import type { PrometheusTrigger } from './keda.ts'
import { durationSeconds } from './promql-parts.ts'

export type CpuHpa = {
  kind: 'hpa'
  bounds: Bounds
  behavior: Behavior
  /** Percent of the request. */
  targetUtilization: number
  /** Cores that a worker requests, and that it is held to. */
  cores: { request: number; limit: number | undefined }
}
export type KedaScaler = {
  kind: 'keda'
  bounds: Bounds
  behavior: Behavior
  triggers: readonly PrometheusTrigger[]
}
export type ShippedAutoscalers = {
  hpa: CpuHpa
  keda: KedaScaler
  /** After which a worker that does not end is killed. */
  graceSeconds: number
  /** How often Prometheus scrapes the API. */
  scrapeSeconds: number
}

type Manifest = { kind: string; metadata: { name: string }; spec: object }

type PartialRules = Partial<Behavior['scaleUp']>
type PartialBehavior = { scaleUp?: PartialRules; scaleDown?: PartialRules }

/**
 * The autoscalers of the worker as k8s/ ships them. @throws Error when they are not there, or are of a kind
 * that the simulation does not know
 */
export const readAutoscalers = async (rootDir: string): Promise<ShippedAutoscalers> => {
  const base = await readManifests(join(rootDir, 'k8s/base'))
  const keda = await readManifests(join(rootDir, 'k8s/components/keda'))
  const monitoring = await readManifests(join(rootDir, 'k8s/components/monitoring'))
  const hpa = only(base, 'HorizontalPodAutoscaler').spec as HpaSpec
  const scaledObject = only(keda, 'ScaledObject').spec as ScaledObjectSpec
  const worker = only(base, 'Deployment', hpa.scaleTargetRef.name).spec as DeploymentSpec
  const monitor = only(monitoring, 'ServiceMonitor', 'inventoryrpa-api').spec as MonitorSpec
  if (scaledObject.scaleTargetRef.name !== hpa.scaleTargetRef.name) {
    throw new Error('the ScaledObject and the HorizontalPodAutoscaler scale different workloads')
  }
  const [container] = worker.template.spec.containers
  const [cpu, ...others] = hpa.metrics.map(({ resource }) => resource)
  const request = container?.resources?.requests?.cpu
  if (cpu?.name !== 'cpu' || others.length > 0 || request === undefined) {
    throw new Error('the HorizontalPodAutoscaler is not one on CPU alone, with a request')
  }
  const limit = container?.resources?.limits?.cpu
  return {
    hpa: {
      kind: 'hpa',
      bounds: { minReplicas: hpa.minReplicas ?? 1, maxReplicas: hpa.maxReplicas },
      behavior: withDefaults(hpa.behavior),
      targetUtilization: cpu.target.averageUtilization,
      cores: { request: cores(request), limit: limit === undefined ? undefined : cores(limit) },
    },
    keda: {
      kind: 'keda',
      bounds: {
        minReplicas: scaledObject.minReplicaCount ?? 0,
        maxReplicas: scaledObject.maxReplicaCount ?? 100,
      },
      behavior: withDefaults(scaledObject.advanced?.horizontalPodAutoscalerConfig?.behavior),
      triggers: scaledObject.triggers.map(readTrigger),
    },
    graceSeconds: await readGraceSeconds(rootDir),
    scrapeSeconds: durationSeconds(monitor.endpoints[0]?.interval ?? ''),
  }
}

type Target = { scaleTargetRef: { name: string } }
type HpaSpec = Target & {
  minReplicas?: number
  maxReplicas: number
  metrics: { resource?: { name: string; target: { averageUtilization: number } } }[]
  behavior?: PartialBehavior
}
type TriggerSpec = { type: string; metricType?: string; metadata: Record<string, string> }
type ScaledObjectSpec = Target & {
  minReplicaCount?: number
  maxReplicaCount?: number
  triggers: TriggerSpec[]
  advanced?: { horizontalPodAutoscalerConfig?: { behavior?: PartialBehavior } }
}
type Cpu = { cpu?: string | number }
type DeploymentSpec = {
  template: {
    spec: {
      containers: { resources?: { requests?: Cpu; limits?: Cpu } }[]
    }
  }
}

type MonitorSpec = { endpoints: { interval?: string }[] }

/** Set by a JSON patch, for all workers. */
const readGraceSeconds = async (rootDir: string): Promise<number> => {
  const patch = parse(await readFile(join(rootDir, 'k8s/base/worker-pod.yaml'), 'utf8'))
  const path = '/spec/template/spec/terminationGracePeriodSeconds'
  const { value } = patch.find((operation: { path: string }) => operation.path === path)
  return Number(value)
}

const readTrigger = ({ type, metricType, metadata }: TriggerSpec): PrometheusTrigger => {
  const { query, threshold, activationThreshold = '0', ignoreNullValues = 'true' } = metadata
  if (type !== 'prometheus' || query === undefined || threshold === undefined) {
    throw new Error(`a trigger of type ${type} is not simulated`)
  }
  return {
    query,
    threshold: Number(threshold),
    activationThreshold: Number(activationThreshold),
    ignoreNullValues: String(ignoreNullValues) === 'true',
    metricType: metricType === 'Value' ? 'Value' : 'AverageValue',
  }
}

const withDefaults = ({ scaleUp, scaleDown }: PartialBehavior = {}): Behavior => ({
  scaleUp: { ...defaultBehavior.scaleUp, ...scaleUp },
  scaleDown: { ...defaultBehavior.scaleDown, ...scaleDown },
})

/** A quantity such as 250m or 1. */
const cores = (quantity: string | number): number => {
  const text = String(quantity)
  return text.endsWith('m') ? Number(text.slice(0, -1)) / 1_000 : Number(text)
}

const readManifests = async (folder: string): Promise<Manifest[]> => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'))
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.flatMap((text) =>
    parseAllDocuments(text).map((document) => document.toJS() as Manifest),
  )
}

const only = (manifests: readonly Manifest[], kind: string, name?: string): Manifest => {
  const found = manifests.filter(
    (it) => it?.kind === kind && (name === undefined || it.metadata.name === name),
  )
  const [manifest, ...others] = found
  if (!manifest || others.length > 0) {
    throw new Error(`${found.length} manifests of kind ${kind}${name ? ` named ${name}` : ''}`)
  }
  return manifest
}

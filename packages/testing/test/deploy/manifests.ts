import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { IExternalSecret } from '@kubernetes-models/external-secrets/external-secrets.io/v1'
import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1'
import type {
  IPodMonitor,
  IPrometheusRule,
  IServiceMonitor,
} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import type { IDeployment, IStatefulSet } from 'kubernetes-models/apps/v1'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import type { IJob } from 'kubernetes-models/batch/v1'
import type { IIngress, INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1'
import type {
  IConfigMap,
  IContainer,
  INamespace,
  IPodSpec,
  ISecret,
  IService,
  IServiceAccount,
} from 'kubernetes-models/v1'
import { parseAllDocuments } from 'yaml'
import { findKustomize } from '../../src/deploy-tools.ts'

const overlaysDir = join(import.meta.dirname, '../../../../k8s/overlays')

export type Labels = Record<string, string>
export type Manifest = {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Labels; annotations?: Labels }
}

type Kinds = {
  ConfigMap: IConfigMap
  Deployment: IDeployment
  ExternalSecret: IExternalSecret
  HorizontalPodAutoscaler: IHorizontalPodAutoscaler
  Ingress: IIngress
  Job: IJob
  Namespace: INamespace
  NetworkPolicy: INetworkPolicy
  PodDisruptionBudget: IPodDisruptionBudget
  PodMonitor: IPodMonitor
  PrometheusRule: IPrometheusRule
  ScaledObject: IScaledObject
  Secret: ISecret
  Service: IService
  ServiceAccount: IServiceAccount
  ServiceMonitor: IServiceMonitor
  StatefulSet: IStatefulSet
}

/** What runs pods, with what is asked of each. */
export type Workload = {
  kind: string
  name: string
  selector: Labels | undefined
  labels: Labels
  pod: IPodSpec
  containers: IContainer[]
}

export type Overlay = {
  name: string
  manifests: Manifest[]
  of: <Kind extends keyof Kinds>(kind: Kind) => (Kinds[Kind] & Manifest)[]
  workloads: Workload[]
  /** @throws Error where there is none */
  workload: (name: string) => Workload
}

const readOverlay = (name: string, text: string): Overlay => {
  const manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest)
  const of: Overlay['of'] = (kind) =>
    manifests.filter((it) => it.kind === kind) as ReturnType<Overlay['of']> as never
  const workloads = [...of('Deployment'), ...of('StatefulSet'), ...of('Job')].map((it) => {
    const { template, selector } = it.spec ?? {}
    if (!template?.spec) throw new Error(`${it.kind} ${it.metadata.name} has no pod`)
    const pod = template.spec
    return {
      kind: it.kind,
      name: it.metadata.name,
      selector: selector?.matchLabels,
      labels: template.metadata?.labels ?? {},
      pod,
      containers: [...(pod.initContainers ?? []), ...pod.containers],
    }
  })
  const workload = (wanted: string) => {
    const found = workloads.find((it) => it.name === wanted)
    if (!found) throw new Error(`${name} has no workload ${wanted}`)
    return found
  }
  return { name, manifests, of, workloads, workload }
}

const run = promisify(execFile)
const [command, ...args] = await findKustomize()
const names = await readdir(overlaysDir)

/** Every overlay there is, as kustomize renders it. */
export const overlays: Overlay[] = await Promise.all(
  names.map(async (name) => {
    const folder = join(overlaysDir, name)
    const { stdout } = await run(command, [...args, folder], { maxBuffer: 16_000_000 })
    return readOverlay(name, stdout)
  }),
)

export const overlay = (name: string): Overlay => {
  const found = overlays.find((it) => it.name === name)
  if (!found) throw new Error(`there is no overlay ${name}`)
  return found
}

/** A deep copy with something changed, to show that a check refuses it. */
export const changed = <T>(value: T, change: (copy: T) => void): T => {
  const copy = structuredClone(value)
  change(copy)
  return copy
}

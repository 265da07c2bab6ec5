import * as externalSecrets from '@kubernetes-models/external-secrets/external-secrets.io/v1'
import * as keda from '@kubernetes-models/keda/keda.sh/v1alpha1'
import * as monitoring from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import * as apps from 'kubernetes-models/apps/v1'
import * as autoscaling from 'kubernetes-models/autoscaling/v2'
import * as batch from 'kubernetes-models/batch/v1'
import * as networking from 'kubernetes-models/networking.k8s.io/v1'
import * as policy from 'kubernetes-models/policy/v1'
import * as core from 'kubernetes-models/v1'
import type { Manifest } from './manifests.ts'

type Models = Record<string, { prototype: { validate(): void } }>

const groups = new Map(
  Object.entries({
    v1: core,
    'apps/v1': apps,
    'autoscaling/v2': autoscaling,
    'batch/v1': batch,
    'external-secrets.io/v1': externalSecrets,
    'keda.sh/v1alpha1': keda,
    'monitoring.coreos.com/v1': monitoring,
    'networking.k8s.io/v1': networking,
    'policy/v1': policy,
  }) as [string, unknown][],
) as Map<string, Models>

/** Watches which fields are read of a value. */
const watched = (value: object): { proxy: object; unread: (path: string) => string[] } => {
  const fields = new Map<string, ReturnType<typeof watched> | undefined>()
  const proxy = new Proxy(value, {
    get: (target, key) => {
      const field: unknown = Reflect.get(target, key)
      if (typeof key !== 'string' || !Object.hasOwn(target, key)) return field
      if (!fields.has(key)) {
        fields.set(key, typeof field === 'object' && field !== null ? watched(field) : undefined)
      }
      return fields.get(key)?.proxy ?? field
    },
  })
  const unread = (path: string): string[] =>
    Object.keys(value).flatMap((key) =>
      fields.has(key) ? (fields.get(key)?.unread(`${path}/${key}`) ?? []) : [`${path}/${key}`],
    )
  return { proxy, unread }
}

/**
 * What Kubernetes would refuse of a manifest. The validators say nothing of fields they do not know,
 * but they read every field they know: what is left unread is a misspelling.
 */
export const faultsOf = (manifest: Manifest): string[] => {
  const model = groups.get(manifest.apiVersion)?.[manifest.kind]
  if (!model) return [`${manifest.apiVersion} ${manifest.kind}: no such schema`]
  const { proxy, unread } = watched(manifest)
  const faults: string[] = []
  try {
    model.prototype.validate.call(proxy)
  } catch (error) {
    faults.push(String(error))
  }
  return [...faults, ...unread('').map((path) => `${path} is not a known field`)]
}

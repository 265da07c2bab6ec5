import { expect, test } from 'vitest'
import { overlays } from './manifests.ts'
import { selects } from './selects.ts'

/** One name for each container, with what is wrong with it. */
const offenders = <T>(all: T[], name: (it: T) => string, isWrong: (it: T) => boolean) =>
  all.filter(isWrong).map(name)

for (const { name: overlayName, of, workloads, manifests } of overlays) {
  const containers = workloads.flatMap((workload) =>
    workload.containers.map((container) => ({ workload, container })),
  )
  type Place = (typeof containers)[number]
  const nameOf = ({ workload, container }: Place) => `${workload.name}/${container.name}`
  const noContainer = (isWrong: (place: Place) => boolean) =>
    expect(offenders(containers, nameOf, isWrong)).toEqual([])
  const noPod = (isWrong: (workload: Place['workload']) => boolean) =>
    expect(offenders(workloads, (it) => it.name, isWrong)).toEqual([])
  const promise = (what: string, check: () => void) => test(`${overlayName}: ${what}`, check)

  promise('the apps and the migration are there to be looked at', () => {
    expect(workloads.map((it) => it.name)).toEqual(
      expect.arrayContaining([
        'inventoryrpa-api',
        'inventoryrpa-worker',
        'inventoryrpa-worker-express',
        'inventoryrpa-migrate',
      ]),
    )
  })

  promise('every container runs as a numeric user that is not root', () => {
    noPod(({ pod: { securityContext: it } }) => !(it?.runAsNonRoot && Number(it.runAsUser) > 0))
    noPod(({ pod: { securityContext: it } }) => !(Number(it?.runAsGroup) > 0))
    noContainer(({ container: { securityContext: it } }) => it?.runAsNonRoot !== true)
    noContainer(({ container: { securityContext: it } }) => it?.runAsUser === 0)
  })

  promise('every root file system is read-only, and what is writable is not the node', () => {
    noContainer(({ container }) => container.securityContext?.readOnlyRootFilesystem !== true)
    noPod(({ pod }) =>
      (pod.volumes ?? []).some((it) => !(it.emptyDir || it.configMap || it.secret)),
    )
  })

  promise('every container drops all capabilities, adds none and gains no privilege', () => {
    noContainer(({ container: { securityContext: it } }) => it?.privileged !== false)
    noContainer(({ container: { securityContext: it } }) => it?.allowPrivilegeEscalation !== false)
    noContainer(
      ({ container: { securityContext: it } }) => it?.capabilities?.drop?.join() !== 'ALL',
    )
    noContainer(({ container }) => container.securityContext?.capabilities?.add !== undefined)
  })

  promise('the default seccomp profile holds everywhere', () => {
    noPod(({ pod }) => pod.securityContext?.seccompProfile?.type !== 'RuntimeDefault')
    noContainer(({ container }) => container.securityContext?.seccompProfile !== undefined)
  })

  promise('no pod shares a namespace or a port of its node', () => {
    noPod(({ pod }) => Boolean(pod.hostNetwork || pod.hostPID || pod.hostIPC))
    noContainer(({ container }) => (container.ports ?? []).some((it) => it.hostPort !== undefined))
  })

  promise('no pod has a token of a service account, or its neighbours in the environment', () => {
    noPod(({ pod }) => pod.automountServiceAccountToken !== false)
    noPod(({ pod }) => pod.enableServiceLinks !== false)
    const accounts = of('ServiceAccount')
    expect(accounts.map((it) => it.automountServiceAccountToken)).toEqual(accounts.map(() => false))
    noPod(({ pod }) => !accounts.some((it) => it.metadata.name === pod.serviceAccountName))
    const roles = manifests.filter(({ kind }) => kind.includes('Role'))
    expect(roles).toEqual([])
  })

  promise('every container asks for CPU and memory, and has limits of both', () => {
    noContainer(({ container: { resources: it } }) => !(it?.limits?.cpu && it.limits.memory))
    noContainer(({ container: { resources: it } }) => !(it?.requests?.cpu && it.requests.memory))
  })

  promise('the namespace refuses whatever is not restricted', () => {
    expect(of('Namespace').map((it) => it.metadata.labels)).toEqual([
      expect.objectContaining({ 'pod-security.kubernetes.io/enforce': 'restricted' }),
    ])
  })

  promise('every Deployment has one disruption budget that lets a single pod go', () => {
    const deployments = workloads.filter(({ kind }) => kind === 'Deployment')
    for (const { name, labels } of deployments) {
      const budgets = of('PodDisruptionBudget').filter((it) =>
        selects(it.spec?.selector ?? {}, labels),
      )
      expect(
        budgets.map((it) => it.spec?.maxUnavailable),
        name,
      ).toEqual([1])
    }
  })

  promise('one image of one version runs everywhere, and no image floats', () => {
    const images = containers.map(({ container }) => container.image ?? '')
    const ours = images.filter((image) => image.includes('inventoryrpa'))
    expect(ours).toHaveLength(4)
    expect(new Set(ours).size).toBe(1)
    expect(images.filter((image) => !/(:v?\d[\w.-]*|@sha256:[0-9a-f]{64})$/.test(image))).toEqual(
      [],
    )
  })

  promise('credentials come by reference only', () => {
    const isCredential = /PASSWORD|TOKEN|SECRET|DSN|KEY|USER|_URL/
    const plain = containers.flatMap(({ container }) =>
      (container.env ?? []).filter((it) => isCredential.test(it.name) && it.value !== undefined),
    )
    expect(plain).toEqual([])
    const kept = of('ConfigMap').flatMap((it) => Object.keys(it.data ?? {}))
    expect(kept.filter((key) => isCredential.test(key))).toEqual([])
    const references = containers.flatMap(({ container }) =>
      (container.env ?? []).flatMap((it) => it.valueFrom?.secretKeyRef ?? []),
    )
    expect(references.length).toBeGreaterThan(10)
    if (overlayName !== 'dev') expect(of('Secret')).toEqual([])
  })

  promise('only the public listener has an Ingress, with TLS for every host', () => {
    const services = of('Service')
    expect(services.filter((it) => !['ClusterIP', undefined].includes(it.spec?.type))).toEqual([])
    for (const { spec } of of('Ingress')) {
      const hosts = spec?.tls?.flatMap((it) => it.hosts ?? [])
      expect(spec?.rules?.map((it) => it.host)).toEqual(hosts)
      expect(spec?.defaultBackend).toBeUndefined()
      const backends = spec?.rules?.flatMap((it) => it.http?.paths ?? []).map((it) => it.backend)
      expect(backends).toEqual([{ service: { name: 'inventoryrpa-api', port: { name: 'http' } } }])
    }
    const open = services.find((it) => it.metadata.name === 'inventoryrpa-api')
    expect(open?.spec?.ports?.map((it) => it.targetPort)).toEqual(['http'])
    expect(of('Ingress')).toHaveLength(overlayName === 'dev' ? 0 : 1)
  })
}

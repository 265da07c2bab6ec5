import { expect, test } from 'vitest'
import { type Labels, overlays } from './manifests.ts'
import { type Selector, selects } from './selects.ts'

for (const { name, of, workloads } of overlays) {
  const selectedBy = (selector: Selector) =>
    workloads.filter(({ labels }) => selects(selector, labels)).map((it) => it.name)
  const portsOf = (wanted: string | undefined) =>
    workloads
      .filter((it) => it.name === wanted)
      .flatMap((it) => it.containers.flatMap(({ ports = [] }) => ports))
      .map((it) => it.name)
  const deployments = of('Deployment').map((it) => it.metadata.name)

  test(`${name}: a workload selects its own pods and no other's`, () => {
    for (const workload of workloads) {
      if (workload.kind === 'Job') continue
      expect(Object.keys(workload.selector ?? {}).length, workload.name).toBeGreaterThan(0)
      expect(selectedBy({ matchLabels: workload.selector ?? {} })).toEqual([workload.name])
    }
  })

  test(`${name}: a Service leads to the pods of one workload, and to a port they have`, () => {
    for (const { metadata, spec } of of('Service')) {
      const [workload, ...others] = selectedBy({ matchLabels: spec?.selector ?? {} })
      expect(others, metadata.name).toEqual([])
      const targets = (spec?.ports ?? []).map((it) => it.targetPort)
      expect(targets.length, metadata.name).toBeGreaterThan(0)
      expect(portsOf(workload), metadata.name).toEqual(expect.arrayContaining(targets))
    }
  })

  test(`${name}: a budget, a spread and an autoscaler are for pods that exist`, () => {
    const budgets = of('PodDisruptionBudget').map((it) => selectedBy(it.spec?.selector ?? {}))
    expect(budgets.toSorted()).toEqual(deployments.map((it) => [it]).toSorted())
    for (const { kind, name: workload, pod } of workloads) {
      if (kind !== 'Deployment') continue
      const spread = pod.topologySpreadConstraints ?? []
      expect(spread.map((it) => it.topologyKey)).toEqual([
        'topology.kubernetes.io/zone',
        'kubernetes.io/hostname',
      ])
      for (const { labelSelector } of spread) {
        expect(selectedBy(labelSelector as Selector)).toEqual([workload])
      }
    }
    const scaled = [...of('HorizontalPodAutoscaler'), ...of('ScaledObject')]
    expect(scaled.map((it) => it.spec?.scaleTargetRef.name)).toEqual(['inventoryrpa-worker'])
  })

  test(`${name}: an Ingress leads to a port of a Service`, () => {
    const backends = of('Ingress')
      .flatMap((it) => it.spec?.rules ?? [])
      .flatMap((it) => it.http?.paths ?? [])
      .map((it) => it.backend.service)
    for (const backend of backends) {
      const service = of('Service').find((it) => it.metadata.name === backend?.name)
      expect(service?.spec?.ports?.map((it) => it.name)).toContain(backend?.port?.name)
    }
  })

  test(`${name}: Prometheus finds each app once, where its metrics are`, () => {
    const found = [
      ...of('ServiceMonitor').flatMap(({ spec }) => {
        const services = of('Service').filter((it) =>
          selects(spec.selector as Selector, it.metadata.labels as Labels),
        )
        return services.flatMap((service) =>
          spec.endpoints.map((it) => {
            const port = service.spec?.ports?.find((one) => one.name === it.port)
            return { it, port: port?.targetPort, pods: service.spec?.selector as Labels }
          }),
        )
      }),
      ...of('PodMonitor').flatMap(({ spec }) =>
        (spec.podMetricsEndpoints ?? []).map((it) => ({ it, port: it.port, pods: spec.selector })),
      ),
    ].flatMap(({ it, port, pods }) =>
      selectedBy(('matchLabels' in pods ? pods : { matchLabels: pods }) as Selector).map((app) => {
        expect(portsOf(app)).toContain(port)
        expect(it).toMatchObject({ path: '/metrics', honorLabels: true })
        return app
      }),
    )
    expect(found.toSorted()).toEqual(name === 'dev' ? [] : deployments.toSorted())
  })

  test(`${name}: what a pod reads its settings from is there`, () => {
    const made = new Set([
      ...of('ConfigMap').map((it) => `ConfigMap ${it.metadata.name}`),
      ...of('Secret').map((it) => `Secret ${it.metadata.name}`),
      ...of('ExternalSecret').map((it) => `Secret ${it.spec?.target?.name}`),
    ])
    const asked = workloads.flatMap(({ containers }) =>
      containers.flatMap(({ env = [], envFrom = [] }) => [
        ...env.flatMap((it) => it.valueFrom?.secretKeyRef ?? []).map((it) => `Secret ${it.name}`),
        ...envFrom.flatMap((it) => it.configMapRef ?? []).map((it) => `ConfigMap ${it.name}`),
        ...envFrom.flatMap((it) => it.secretRef ?? []).map((it) => `Secret ${it.name}`),
      ]),
    )
    expect(asked.filter((it) => !made.has(it))).toEqual([])
    expect([...made].filter((it) => !asked.includes(it))).toEqual([])
  })

  test(`${name}: a container mounts volumes of its pod, and probes its own ports`, () => {
    for (const { name: workload, pod, containers } of workloads) {
      const volumes = [
        ...(pod.volumes ?? []).map((it) => it.name),
        // A StatefulSet makes the volume of each pod.
        ...of('StatefulSet')
          .filter((it) => it.metadata.name === workload)
          .flatMap((it) => it.spec?.volumeClaimTemplates ?? [])
          .map((it) => it.metadata?.name),
      ]
      for (const { volumeMounts = [], livenessProbe, readinessProbe, startupProbe } of containers) {
        expect(volumes).toEqual(expect.arrayContaining(volumeMounts.map((it) => it.name)))
        for (const probe of [livenessProbe, readinessProbe, startupProbe]) {
          const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port
          if (port !== undefined) expect(portsOf(workload)).toContain(port)
        }
      }
    }
  })
}

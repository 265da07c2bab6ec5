import { expect, test } from 'vitest'
import { changed, type Manifest, overlay, overlays } from './manifests.ts'
import { faultsOf } from './schema.ts'

/** Kubernetes, unlike the schema, reads base64 that kustomize has broken into lines. */
const inOneLine = (manifest: Manifest) =>
  manifest.kind === 'Secret'
    ? changed(manifest as Manifest & { data: Record<string, string> }, ({ data }) => {
        for (const [key, value] of Object.entries(data)) data[key] = value.replaceAll('\n', '')
      })
    : manifest

test('there are overlays for development and for production with either way of scaling', () => {
  expect(overlays.map(({ name }) => name).toSorted()).toEqual([
    'dev',
    'production',
    'production-keda',
  ])
})

for (const { name, manifests } of overlays) {
  test(`${name}: the schemas of Kubernetes and its operators accept every manifest`, () => {
    const faults = manifests.flatMap((manifest) =>
      faultsOf(inOneLine(manifest)).map(
        (fault) => `${manifest.kind} ${manifest.metadata.name}: ${fault}`,
      ),
    )
    expect(faults).toEqual([])
    expect(manifests.length).toBeGreaterThan(20)
  })

  test(`${name}: no two manifests describe one thing`, () => {
    const ids = manifests.map(
      ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`,
    )
    expect(new Set(ids).size).toBe(ids.length)
  })
}

const production = overlay('production-keda')
const [deployment] = production.of('Deployment')
const [scaledObject] = production.of('ScaledObject')
const [rule] = production.of('PrometheusRule')

test('a misspelt field, a wrong type, a missing field and an unknown kind are refused', () => {
  const asAny = (value: unknown) => value as Record<string, never>
  const misspelt = [
    changed(deployment, (it) =>
      Object.assign(asAny(it?.spec?.template?.spec), { hostnetwork: true }),
    ),
    changed(scaledObject, (it) => Object.assign(asAny(it?.spec), { maxReplicas: 3 })),
    changed(rule, (it) =>
      Object.assign(asAny(it?.spec?.groups?.[0]?.rules?.[0]), { annotation: {} }),
    ),
  ]
  expect(misspelt.map((it) => faultsOf(it as Manifest))).toEqual([
    ['/spec/template/spec/hostnetwork is not a known field'],
    ['/spec/maxReplicas is not a known field'],
    ['/spec/groups/0/rules/0/annotation is not a known field'],
  ])
  const wrong = changed(deployment, (it) => Object.assign(asAny(it?.spec), { replicas: 'two' }))
  expect(faultsOf(wrong as Manifest).join()).toContain('/spec/replicas')
  const missing = changed(scaledObject, (it) => delete asAny(it?.spec).triggers)
  expect(faultsOf(missing as Manifest).join()).toContain('triggers')
  expect(faultsOf({ apiVersion: 'v2', kind: 'Pod', metadata: { name: 'x' } })).toEqual([
    'v2 Pod: no such schema',
  ])
})

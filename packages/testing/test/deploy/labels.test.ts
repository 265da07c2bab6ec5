import { expect, test } from 'vitest'
import { overlays } from './manifests.ts'

const wave = 'argocd.argoproj.io/sync-wave'
const stage = 'inventoryrpa/stage'
/** What a migration may need. */
const early = ['Namespace', 'ServiceAccount', 'NetworkPolicy', 'ExternalSecret', 'Secret']

for (const { name, manifests, workloads, of } of overlays) {
  test(`${name}: everything says what it belongs to, pods too`, () => {
    const asked = ['name', 'part-of', 'managed-by', 'instance']
    const without = manifests.flatMap(({ kind, metadata }) =>
      asked
        .filter((label) => !metadata.labels?.[`app.kubernetes.io/${label}`])
        .map((label) => `${kind} ${metadata.name}: ${label}`),
    )
    expect(without).toEqual([])
    const parts = workloads.map(({ labels }) => labels['app.kubernetes.io/part-of'])
    expect(new Set(parts)).toEqual(new Set(['inventoryrpa']))
  })

  test(`${name}: everything is in the overlay's namespace`, () => {
    const [namespace] = of('Namespace')
    const inside = manifests.filter(({ kind }) => kind !== 'Namespace')
    const elsewhere = inside.filter((it) => it.metadata.namespace !== namespace?.metadata.name)
    expect(elsewhere).toEqual([])
    expect(namespace?.metadata.name).toBeDefined()
  })

  test(`${name}: what the migration needs comes before it, and it before the apps`, () => {
    const idsOf = (wanted: string | undefined) =>
      manifests
        .filter(({ metadata }) => metadata.labels?.[stage] === wanted)
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    const job = of('Job')[0]
    expect(idsOf('migrate')).toEqual([`Job ${job?.metadata.name}`])
    expect(job?.metadata.annotations).toMatchObject({
      [wave]: '-1',
      'argocd.argoproj.io/hook': 'Sync',
      'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation',
    })
    const needed = manifests.filter(({ kind }) => early.includes(kind))
    expect(needed.filter((it) => it.metadata.labels?.[stage] !== 'prepare')).toEqual([])
    expect(idsOf(undefined)).toEqual(
      expect.arrayContaining(
        of('Deployment').map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ),
    )
    // What `dev` alone has is never synced by Argo CD.
    const synced = needed.filter(() => name !== 'dev')
    expect(synced.filter((it) => it.metadata.annotations?.[wave] !== '-2')).toEqual([])
    expect(of('Deployment').map((it) => it.metadata.annotations?.[wave])).toEqual(
      of('Deployment').map(() => undefined),
    )
  })
}

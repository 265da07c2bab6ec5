import { expect, test } from 'vitest'
import { type Overlay, overlay, overlays } from './manifests.ts'
import { selects } from './selects.ts'

type Port = { protocol?: string; port?: string | number }
type Peer = {
  ipBlock?: { cidr: string; except?: string[] }
  namespaceSelector?: { matchLabels?: Record<string, string> }
  podSelector?: { matchLabels?: Record<string, string> }
}

/** What is nobody's on the internet, whatever a name resolves to. */
const privateBlocks = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
]
const isInternet = ({ cidr, except = [] }: NonNullable<Peer['ipBlock']>) =>
  cidr === '0.0.0.0/0' && privateBlocks.every((it) => except.includes(it))

const peerName = (peer: Peer) =>
  (peer.ipBlock && isInternet(peer.ipBlock) ? 'internet' : peer.ipBlock?.cidr) ??
  [peer.namespaceSelector, peer.podSelector]
    .flatMap((it) => Object.values(it?.matchLabels ?? {}))
    .join('/')

/** Who may speak to a workload, or whom it may speak to, as `peer port`, in order. */
const allowed = ({ of, workload }: Overlay, name: string, way: 'from' | 'to') => {
  const { labels } = workload(name)
  const rules = of('NetworkPolicy')
    .filter((it) => selects(it.spec?.podSelector ?? {}, labels))
    .flatMap(({ spec }) => (way === 'from' ? (spec?.ingress ?? []) : (spec?.egress ?? [])))
  return (rules as { from?: Peer[]; to?: Peer[]; ports?: Port[] }[])
    .flatMap((rule) =>
      (rule[way] ?? [{}]).flatMap((peer) =>
        (rule.ports ?? [{}]).map(({ protocol, port }) => `${peerName(peer)} ${protocol} ${port}`),
      ),
    )
    .toSorted()
}

for (const { name, of, workloads } of overlays) {
  test(`${name}: what no policy allows is denied, in both directions and for every pod`, () => {
    const denials = of('NetworkPolicy').filter(
      ({ spec }) => JSON.stringify(spec?.podSelector) === '{}' && !spec?.ingress && !spec?.egress,
    )
    expect(denials.map((it) => it.spec?.policyTypes)).toEqual([['Ingress', 'Egress']])
  })

  test(`${name}: every rule names its peers and its ports, and no policy selects nothing`, () => {
    for (const { metadata, spec } of of('NetworkPolicy')) {
      expect(
        workloads.filter(({ labels }) => selects(spec?.podSelector ?? {}, labels)).length,
        metadata.name,
      ).toBeGreaterThan(0)
      const peers = [...(spec?.ingress ?? []), ...(spec?.egress ?? [])] as {
        from?: Peer[]
        to?: Peer[]
        ports?: Port[]
      }[]
      for (const { from, to, ports } of peers) {
        expect(
          ports?.every((it) => it.port !== undefined && it.protocol),
          metadata.name,
        ).toBe(true)
        const named = from ?? to ?? []
        expect(named.length, metadata.name).toBeGreaterThan(0)
        expect(named.map(peerName).filter((it) => it === '' || it.endsWith('/0'))).toEqual([])
      }
    }
  })

  test(`${name}: a port that a policy names is a port of each pod it selects`, () => {
    for (const { metadata, spec } of of('NetworkPolicy')) {
      const named = (spec?.ingress ?? []).flatMap((it) => it.ports ?? []).map((it) => it.port)
      for (const { labels, containers } of workloads) {
        if (named.length === 0 || !selects(spec?.podSelector ?? {}, labels)) continue
        const ports = containers.flatMap((it) => it.ports ?? [])
        const known = ports.flatMap((it) => [it.name, it.containerPort])
        expect(known, metadata.name).toEqual(expect.arrayContaining(named))
      }
    }
  })
}

const prometheus = 'monitoring/prometheus TCP ops'
const dns = ['kube-system/kube-dns TCP 53', 'kube-system/kube-dns UDP 53']

test('in production each pod is reached by, and reaches, only what it needs', () => {
  for (const production of [overlay('production'), overlay('production-keda')]) {
    const addresses = (policy: string) =>
      production
        .of('NetworkPolicy')
        .filter((it) => it.metadata.name === policy)
        .flatMap((it) => it.spec?.egress ?? [])
        .flatMap((it) => it.to ?? [])
        .map((it) => it.ipBlock?.cidr)
    const postgresql = `${addresses('postgresql')} TCP 5432`
    const redis = `${addresses('redis')} TCP 6379`
    const source = `${addresses('stock-source')} TCP 443`
    const webhooks = 'internet TCP 443'
    const expected = {
      'inventoryrpa-api': {
        from: ['ingress-nginx/ingress-nginx TCP http', prometheus],
        to: [postgresql, redis, ...dns],
      },
      'inventoryrpa-worker': {
        from: [prometheus],
        to: [postgresql, redis, source, webhooks, ...dns],
      },
      'inventoryrpa-worker-express': {
        from: [prometheus],
        to: [postgresql, redis, source, ...dns],
      },
      'inventoryrpa-migrate': { from: [], to: [postgresql, ...dns] },
    }
    expect(production.workloads.map((it) => it.name).toSorted()).toEqual(
      Object.keys(expected).toSorted(),
    )
    for (const [name, { from, to }] of Object.entries(expected)) {
      expect(allowed(production, name, 'from'), name).toEqual(from.toSorted())
      expect(allowed(production, name, 'to'), name).toEqual(to.toSorted())
    }
  }
})

test('in development the servers are reached by the apps alone, and reach nobody', () => {
  const dev = overlay('dev')
  for (const [name, port] of [
    ['postgresql', 5432],
    ['redis', 6379],
  ] as const) {
    expect(allowed(dev, name, 'from')).toEqual([`inventoryrpa TCP ${port}`])
    expect(allowed(dev, name, 'to')).toEqual([])
    expect(allowed(dev, 'inventoryrpa-api', 'to')).toContain(`${name} TCP ${port}`)
  }
})

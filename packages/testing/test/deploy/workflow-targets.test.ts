import { globSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { checkout, readCheckout } from './checkout.ts'
import { steps, workflows } from './workflows.ts'

const sourceOf = (name: string) => workflows.find((it) => it.name === name)?.source ?? ''

test('CI and release build one stage of the Dockerfile', () => {
  const builds = steps.filter(({ step }) => step.uses?.startsWith('docker/build-push-action@'))
  expect(builds.map(({ where }) => where)).toEqual(['ci.yml/image', 'release.yml/image'])
  const targets = new Set(builds.map(({ step }) => step.with?.target))
  expect(targets.size).toBe(1)
  expect(readCheckout('Dockerfile')).toMatch(new RegExp(`^FROM \\S+ AS ${[...targets][0]}$`, 'm'))
})

test('a release builds on the image that the Dockerfile names, by its digest', () => {
  const build = steps.find(({ where, step }) => where === 'release.yml/image' && step.with?.target)
  const [, argument = 'none'] = /^(\w+)=/.exec(String(build?.step.with?.['build-args'])) ?? []
  expect(readCheckout('Dockerfile')).toMatch(new RegExp(`^ARG ${argument}=\\S+:\\S+$`, 'm'))
  expect(readCheckout('Dockerfile')).toContain(`FROM \${${argument}} AS`)
  expect(sourceOf('release.yml')).toContain(`sed -n 's/^ARG ${argument}=//p' Dockerfile`)
})

test('CI starts the composition with the image that it built', () => {
  const ci = sourceOf('ci.yml')
  const [, variable = 'none', image] = /^ +(\w+_IMAGE): (\S+)$/m.exec(ci) ?? []
  expect(ci).toContain(`tags: ${image}`)
  expect(readCheckout('docker-compose.yml')).toContain(`image: \${${variable}:-`)
})

test('the image that a deployment sets is the one that the manifests name', () => {
  const [, name] = /kustomize edit set image "([^=]+)=/.exec(sourceOf('deploy.yml')) ?? []
  const base = parse(readCheckout('k8s/base/kustomization.yaml')) as {
    images: { name: string; newTag: string }[]
  }
  expect(base.images.map((image) => image.name)).toEqual([name])
  // What releases raise: a tag as releases set them, in the line that release-please looks for.
  expect(readCheckout('k8s/base/kustomization.yaml')).toMatch(
    /newTag: v\d+\.\d+\.\d+ # x-release-please-version/,
  )
})

test('every folder and file that the workflows name exists', () => {
  const named = ['deploy.yml', 'ci.yml'].flatMap(
    (name) => sourceOf(name).match(/(?:k8s|deploy)\/[\w/.-]+\w/g) ?? [],
  )
  expect([...new Set(named)].sort()).toEqual([
    'deploy/compose/make-secrets.sh',
    'k8s/base',
    'k8s/overlays',
    'k8s/overlays/production',
  ])
  for (const path of named) expect(globSync(path, { cwd: checkout }), path).toEqual([path])
})

import { execFileSync } from 'node:child_process'
import { matchesGlob, posix } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { checkout, readCheckout } from './checkout.ts'

type Update = {
  'package-ecosystem': string
  directory?: string
  directories?: string[]
  schedule: { interval: string }
  groups: Record<string, { patterns?: string[] }>
}
const { updates } = parse(readCheckout('.github/dependabot.yml')) as { updates: Update[] }

/** Which file names, in which ecosystem, pin something. */
const ecosystems: [ecosystem: string, file: RegExp][] = [
  ['npm', /(^|\/)pnpm-lock\.yaml$/],
  ['docker', /(^|\/)Dockerfile[^/]*$/],
  ['docker-compose', /(^|\/)(docker-)?compose[^/]*\.ya?ml$/],
  ['github-actions', /^\.github\/(workflows\/[^/]+|actions\/.+\/action)\.ya?ml$/],
]

test('whatever pins a version is kept up to date weekly, in groups', () => {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: checkout })
  const pinning = files
    .toString()
    .trim()
    .split('\n')
    .flatMap((file) => {
      const [ecosystem] = ecosystems.find(([, pattern]) => pattern.test(file)) ?? []
      return ecosystem === undefined ? [] : [{ file, ecosystem }]
    })
  expect(pinning.length).toBeGreaterThan(6)
  for (const { file, ecosystem } of pinning) {
    // For workflows, / means the folder they are in.
    const folder = file.startsWith('.github/workflows/') ? '/' : `/${posix.dirname(file)}`
    const place = folder === '/.' ? '/' : folder
    const covering = updates.filter(
      (update) =>
        update['package-ecosystem'] === ecosystem &&
        [update.directory, ...(update.directories ?? [])].some(
          (covered) => covered !== undefined && matchesGlob(place, covered),
        ),
    )
    expect(covering.length, `${ecosystem} in ${place}`).toBe(1)
  }
  for (const update of updates) {
    expect(update.schedule.interval).toBe('weekly')
    expect(Object.keys(update.groups).length).toBeGreaterThan(0)
  }
})

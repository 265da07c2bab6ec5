import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Manifest, setLogger } from 'release-please'
import { GitHubApi } from 'release-please/build/src/github-api.js'
import { LocalGitHub } from 'release-please/build/src/local-github.js'
import { onTestFinished } from 'vitest'
import { checkout } from './checkout.ts'
import { gitHubStandIn } from './github-stand-in.ts'

const silent = () => undefined
setLogger({ error: silent, warn: silent, info: silent, debug: silent, trace: silent })

const configuration = '.github/release'
const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`
const filesAt = (version: string) => ({
  'package.json': json({ name: 'inventoryrpa', version }),
  'packages/client/package.json': json({ name: 'client', version }),
  'packages/ledger/package.json': json({ name: 'ledger' }),
  'k8s/base/kustomization.yaml': `newTag: v${version} # x-release-please-version\n`,
  [`${configuration}/manifest.json`]: json({ '.': version }),
})

/** The release pull request as release-please would open it. */
export type Proposal = {
  title: string
  branch: string
  body: string
  /** Path and new content of each file it changes. */
  files: () => Promise<Record<string, string>>
}

/**
 * A git repository with this checkout's release configuration, and release-please run on it as its
 * action runs it on GitHub.
 * @param released the version released last; without it there was none
 */
export const scratchRepository = async (released?: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'inventoryrpa-release-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const git = (...args: string[]) => {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
    return execFileSync('git', [...identity, ...args], { cwd: folder })
      .toString()
      .trim()
  }
  const commit = async (message: string, files: Record<string, string> = {}) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    git('add', '--all')
    git('commit', '--quiet', '--allow-empty', '--message', message)
    return git('rev-parse', 'HEAD')
  }

  git('init', '--quiet', '--initial-branch', 'main')
  await cp(join(checkout, configuration), join(folder, configuration), { recursive: true })
  await commit('chore: begin', filesAt(released ?? '0.0.0'))
  if (released !== undefined) git('tag', `v${released}`)

  const place = { owner: 'example', repo: 'inventoryrpa', defaultBranch: 'main' }
  const { fetch, addMerged } = gitHubStandIn((tag, sha) => git('tag', tag, sha))
  const api = await GitHubApi.create({
    ...place,
    token: 'none',
    graphqlUrl: 'https://api.github.com',
    fetch,
  })
  const github = new LocalGitHub(place, api, folder)
  const manifest = () =>
    Manifest.fromManifest(
      github,
      'main',
      `${configuration}/config.json`,
      `${configuration}/manifest.json`,
    )

  return {
    folder,
    commit,
    tags: () => git('tag', '--sort=version:refname').split('\n').filter(Boolean),
    /** Undefined if nothing is to be released. */
    propose: async (): Promise<Proposal | undefined> => {
      const [proposal, ...others] = await (await manifest()).buildPullRequests()
      if (others.length > 0) throw new Error('more than one release pull request')
      if (proposal === undefined) return undefined
      const files = async () => {
        const changes = await github.buildChangeSet(proposal.updates, 'main')
        return Object.fromEntries([...changes].map(([path, file]) => [path, file.content ?? '']))
      }
      return {
        title: proposal.title.toString(),
        branch: proposal.headRefName,
        body: proposal.body.toString(),
        files,
      }
    },
    /** Merges the release pull request and gives its commit. */
    merge: async ({ title, branch, body, files }: Proposal) => {
      const sha = await commit(title, await files())
      addMerged({ title, body, branch, sha })
      return sha
    },
    /** Tags what was merged and not yet tagged. */
    release: async () => {
      const created = await (await manifest()).createReleases()
      return created
        .filter((release) => release !== undefined)
        .map(({ tagName, sha, notes }) => ({ tagName, sha, notes }))
    },
  }
}

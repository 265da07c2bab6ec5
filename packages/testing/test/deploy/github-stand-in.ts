/** What git knows nothing of: GitHub's pull requests and releases, as release-please asks for them. */
export type GitHubStandIn = {
  fetch: typeof fetch
  /** A pull request merged by the commit `sha`. */
  addMerged(pull: { title: string; body: string; branch: string; sha: string }): void
}

type Pull = {
  number: number
  title: string
  body: string
  head: { ref: string }
  base: { ref: string }
  labels: { name: string }[]
  merged_at: string
  merge_commit_sha: string
}
type Release = { tag_name: string; target_commitish: string; name: string; body: string }

/** @param setTag sets the tag of a release that is created, as GitHub does */
export const gitHubStandIn = (setTag: (tag: string, sha: string) => void): GitHubStandIn => {
  const pulls: Pull[] = []
  const releases: Release[] = []

  const page = (nodes: object[]) => ({ nodes, pageInfo: { hasNextPage: false } })
  const graphql = ({ query }: { query: string }) => {
    const mergedPulls = () =>
      pulls.map(({ number, title, body, head, base, labels, merge_commit_sha }) => ({
        ...{ number, title, body, headRefName: head.ref, baseRefName: base.ref },
        ...{ labels: { nodes: labels }, mergeCommit: { oid: merge_commit_sha } },
        files: { nodes: [] },
      }))
    const releaseNodes = () =>
      releases.map(({ tag_name, target_commitish, name, body }) => ({
        ...{ name, tag: { name: tag_name }, tagCommit: { oid: target_commitish } },
        ...{ url: '', description: body, isDraft: false },
      }))
    const repository = query.includes('pullRequests(')
      ? { pullRequests: page(mergedPulls()) }
      : { releases: page(releaseNodes()) }
    return { data: { repository } }
  }
  const labelsOf = (path: string) => {
    const pull = pulls.find(({ number }) => path.includes(`/issues/${number}/labels`))
    if (pull === undefined) throw new Error(`no such pull request: ${path}`)
    return pull
  }
  const answer = (call: string, path: string, body: unknown): object => {
    if (call === 'POST /graphql') return graphql(body as { query: string })
    if (/^GET \S+\/pulls$/.test(call)) return pulls
    if (/^POST \S+\/releases$/.test(call)) {
      const release = body as Release
      setTag(release.tag_name, release.target_commitish)
      releases.unshift(release)
      return { ...release, id: releases.length, html_url: '', upload_url: '', draft: false }
    }
    if (/^POST \S+\/comments$/.test(call)) return { html_url: '' }
    if (/^POST \S+\/labels$/.test(call)) {
      const added = (body as { labels: string[] }).labels.map((name) => ({ name }))
      labelsOf(path).labels.push(...added)
      return added
    }
    if (/^DELETE \S+\/labels\//.test(call)) {
      const pull = labelsOf(path)
      const gone = path.split('/').at(-1)
      pull.labels = pull.labels.filter(({ name }) => name !== gone)
      return pull.labels
    }
    throw new Error(`release-please asked for what the stand-in does not know: ${call}`)
  }

  return {
    fetch: async (url, request) => {
      const path = decodeURIComponent(new URL(String(url)).pathname)
      const body = request?.body ? JSON.parse(String(request.body)) : undefined
      return Response.json(answer(`${request?.method ?? 'GET'} ${path}`, path, body))
    },
    addMerged: ({ title, body, branch, sha }) => {
      pulls.unshift({
        number: pulls.length + 1,
        title,
        body,
        head: { ref: branch },
        base: { ref: 'main' },
        labels: [{ name: 'autorelease: pending' }],
        merged_at: '2026-01-01T00:00:00Z',
        merge_commit_sha: sha,
      })
    },
  }
}

import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { checkout, readCheckout } from './checkout.ts'

export type Step = {
  name?: string
  uses?: string
  run?: string
  shell?: string
  with?: Record<string, unknown>
}
export type Permissions = Record<string, string>
export type Job = {
  uses?: string
  'runs-on'?: string
  'timeout-minutes'?: number
  permissions?: Permissions
  steps?: Step[]
}
export type Workflow = {
  on: Record<string, unknown>
  permissions?: Permissions
  concurrency?: { group?: string }
  defaults?: { run?: { shell?: string } }
  jobs: Record<string, Job>
}

const files = (pattern: string) => globSync(pattern, { cwd: checkout }).sort()

/** Every workflow of the checkout, by its file's name. */
export const workflows = files('.github/workflows/*').map((path) => {
  const source = readCheckout(path)
  return { ...(parse(source) as Workflow), path, name: basename(path), source }
})

/** The actions that the workflows share. */
export const actions = files('.github/actions/*/action.yml').map((path) => {
  const source = readCheckout(path)
  const { runs } = parse(source) as { runs: { steps: Step[] } }
  return { path, source, steps: runs.steps }
})

/** `release.yml/image` and so on. */
export const jobs = workflows.flatMap((workflow) =>
  Object.entries(workflow.jobs).map(([id, job]) => ({
    id: `${workflow.name}/${id}`,
    workflow,
    job,
  })),
)

/** The steps of workflows and actions, with where they are. */
export const steps = [
  ...jobs.flatMap(({ id, job }) => (job.steps ?? []).map((step) => ({ where: id, step }))),
  ...actions.flatMap(({ path, steps: own }) => own.map((step) => ({ where: path, step }))),
]

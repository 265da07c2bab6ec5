import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rootDir } from './buildah.ts'

type Manifest = Partial<Record<'dependencies' | 'devDependencies', Record<string, string>>>

const manifest = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(rootDir, folder, 'package.json'), 'utf8'))

const own = '@inventoryrpa/'

/** What the workspaces that these need depend on themselves, and what only building or testing them takes. */
export const directDependencies = async (folders: string[]) => {
  const wanted = new Set<string>()
  const unwanted = new Set(Object.keys((await manifest('')).devDependencies ?? {}))
  const seen = new Set(folders)
  for (const folder of seen) {
    const { dependencies = {}, devDependencies = {} } = await manifest(folder)
    for (const name of Object.keys(dependencies)) {
      if (name.startsWith(own)) seen.add(`packages/${name.slice(own.length)}`)
      else wanted.add(name)
    }
    for (const name of Object.keys(devDependencies)) if (!name.startsWith(own)) unwanted.add(name)
  }
  for (const name of Object.keys((await manifest('packages/local')).dependencies ?? {})) {
    unwanted.add(name)
  }
  return { wanted, unwanted: unwanted.difference(wanted) }
}

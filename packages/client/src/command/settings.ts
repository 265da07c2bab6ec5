import { readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Context, SharedOptions } from './context.ts'
import { UsageError } from './usage-error.ts'

export type Settings = { baseUrl: string; apiKey: string; from: string }

const howTo =
  'give --url and --key, set INVENTORYRPA_URL and INVENTORYRPA_API_KEY, or run it inside a checkout where `pnpm start` is running'

/** Where the API is, and the key. A key found in a file is only ever sent to the address beside it. */
export const readSettings = async (
  { url, key }: SharedOptions,
  { env, cwd }: Pick<Context, 'env' | 'cwd'>,
): Promise<Settings> => {
  const apiKey = key ?? (env.INVENTORYRPA_API_KEY || undefined)
  const baseUrl = url ?? (env.INVENTORYRPA_URL || undefined)
  if (baseUrl !== undefined && apiKey !== undefined) {
    const from = url ? '--url' : 'INVENTORYRPA_URL'
    return { baseUrl: checkUrl(baseUrl, from), apiKey, from }
  }
  if (baseUrl !== undefined) {
    throw new UsageError(`no API key for ${baseUrl}: set INVENTORYRPA_API_KEY, or give --key`)
  }
  const local = await findLocal(cwd)
  if (!local) throw new UsageError(`no API is known: ${howTo}`)
  return { ...local, apiKey: apiKey ?? local.apiKey }
}

const checkUrl = (given: string, from: string) => {
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return given
  throw new UsageError(`${from} is ${JSON.stringify(given)}: it must be an http or https URL`)
}

/** What a local system wrote, in this folder or one above. */
const findLocal = async (cwd: string): Promise<Settings | undefined> => {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, '.data', 'dev.json')
    const found = await stat(path).catch(() => undefined)
    if (found) {
      const isOwn = process.getuid === undefined || found.uid === process.getuid()
      if (!isOwn || (process.platform !== 'win32' && (found.mode & 0o077) !== 0)) {
        throw new UsageError(`${path} is not used: it must be yours, and for nobody else to read`)
      }
      const { apiUrl, apiKey } = JSON.parse(await readFile(path, 'utf8'))
      return { baseUrl: apiUrl, apiKey, from: path }
    }
    if (folder === dirname(folder)) return undefined
  }
}

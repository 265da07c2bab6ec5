import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type UnpackOptions, unpackDebianPackages } from './debian-packages.ts'

const run = promisify(execFile)
const dataDir = join(import.meta.dirname, '..', '..', '..', '.data')

export type FindToolOptions = {
  /** The environment whose PATH is searched. Default: this process's. */
  env?: Record<string, string>
  /** Where Debian's package is unpacked if the PATH has none. */
  cacheDir?: string
}

/** A program with the arguments that come before all others. */
export type Tool = [command: string, ...args: string[]]

/**
 * What renders a folder of k8s/: `kubectl kustomize` or `kustomize build`, of kustomize 5 or later,
 * else Debian's package, unpacked. Debian 12 has none that is new enough: Debian 13's runs there.
 * @throws Error saying what to install
 */
export const findKustomize = async (options: FindToolOptions = {}): Promise<Tool> => {
  const isRecent = (said: string) => /\bv?(?:[5-9]|\d{2,})\.\d+\.\d+/.test(said)
  const kubectl = await ask('kubectl', ['version', '--client'], options)
  // The line "Kustomize Version: v5.5.0".
  if (isRecent(kubectl.split('Kustomize Version:')[1] ?? '')) return ['kubectl', 'kustomize']
  if (isRecent(await ask('kustomize', ['version'], options))) return ['kustomize', 'build']
  const command = await debianTool('kustomize', 'kustomize', options, { release: 'trixie' })
  return [command, 'build']
}

/**
 * Prometheus' checker of rules.
 * @throws Error saying what to install
 */
export const findPromtool = async (options: FindToolOptions = {}): Promise<Tool> =>
  (await ask('promtool', ['--version'], options)) === ''
    ? [await debianTool('promtool', 'prometheus', options)]
    : ['promtool']

/** What a command says, or nothing if it cannot be run. */
const ask = (command: string, args: string[], { env }: FindToolOptions): Promise<string> =>
  run(command, args, { timeout: 10_000, ...(env && { env }) }).then(
    ({ stdout, stderr }) => `${stdout}${stderr}`,
    () => '',
  )

const debianTool = async (
  tool: string,
  name: string,
  { env, cacheDir = join(dataDir, name) }: FindToolOptions,
  options: UnpackOptions = {},
): Promise<string> => {
  await unpackDebianPackages([name], cacheDir, { ...options, env }).catch((cause: unknown) => {
    throw new Error(`The tests of k8s/ need ${tool}: install it, or run them on Debian.`, { cause })
  })
  return join(cacheDir, 'usr/bin', tool)
}

import { execFile } from 'node:child_process'
import { access, constants, mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export const rootDir = join(import.meta.dirname, '..', '..', '..', '..')

const execute = promisify(execFile)
const longestOutput = 64 * 1024 * 1024

/** Runs a command to its end. @throws Error with its last words */
export const run = async (
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<string> => {
  try {
    const { stdout } = await execute(command, args, { ...options, maxBuffer: longestOutput })
    return stdout
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string }
    const words = `${stdout}\n${stderr}`.trim().split('\n').slice(-30).join('\n')
    throw new Error(`${command} ${args.slice(0, 2).join(' ')} failed:\n${words}`, { cause: error })
  }
}

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

/** Whether a command is on the PATH. */
export const hasCommand = async (command: string): Promise<boolean> => {
  // biome-ignore lint/style/noProcessEnv: what child processes will search
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  const found = await Promise.all(folders.map((folder) => isExecutable(join(folder, command))))
  return found.includes(true)
}

/**
 * In namespaces of its own, which end with whoever runs the tests: no process and no mount is left
 * over, however that ends.
 */
export const confined = ['--pdeathsig', 'KILL', 'unshare'].concat([
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--fork',
  '--kill-child',
])

export type Buildah = {
  run(...args: string[]): Promise<string>
  /** Copies an image's files to a folder that is not there yet. */
  export(image: string, folder: string): Promise<void>
}

const exportScript = `
container=$("$@" from --pull-never "$image")
tree=$("$@" mount "$container")
cp --archive "$tree" "$folder"
"$@" umount "$container"
"$@" rm "$container"
`

/** Images in a store of this checkout's own, since the stand-in bears the real base's name. */
export const openBuildah = async (folder: string): Promise<Buildah> => {
  const temporary = join(folder, 'tmp')
  await mkdir(temporary, { recursive: true })
  // Cache mounts live in TMPDIR.
  // biome-ignore lint/style/noProcessEnv: what buildah gets besides
  const env = { ...process.env, TMPDIR: temporary }
  const place = ['--root', join(folder, 'images'), '--runroot', join(folder, 'run')]
  const withDriver = (driver: string) => ['buildah', ...place, '--storage-driver', driver]
  const call = (command: string[], more = {}) =>
    run('setpriv', [...confined, '--mount-proc', ...command], { env: { ...env, ...more } })
  // Far faster, where the kernel and the file system below allow it.
  const buildah = await call([...withDriver('overlay'), 'info']).then(
    () => withDriver('overlay'),
    () => withDriver('vfs'),
  )
  return {
    run: (...args) => call([...buildah, ...args]),
    export: async (image, to) => {
      await call(['sh', '-euc', exportScript, 'export', ...buildah], { image, folder: to })
    },
  }
}

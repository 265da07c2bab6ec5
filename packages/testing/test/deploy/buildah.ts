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

export type Buildah = {
  run(...args: string[]): Promise<string>
  /** Its container as a folder. */
  mount(container: string): Promise<string>
}

/** Images in a store of this checkout's own, since the stand-in bears the real base's name. */
export const openBuildah = async (folder: string): Promise<Buildah> => {
  await mkdir(join(folder, 'tmp'), { recursive: true })
  // Cache mounts live in TMPDIR.
  // biome-ignore lint/style/noProcessEnv: what buildah gets besides
  const env = { ...process.env, TMPDIR: join(folder, 'tmp') }
  const place = ['--root', join(folder, 'images'), '--runroot', join(folder, 'run')]
  const withDriver = (driver: string) => {
    const global = [...place, '--storage-driver', driver]
    return (...args: string[]) => run('buildah', [...global, ...args], { env })
  }
  const overlay = withDriver('overlay')
  // Far faster, where the kernel and the file system below allow it.
  const chosen = await overlay('info').then(
    () => overlay,
    () => withDriver('vfs'),
  )
  return {
    run: chosen,
    mount: async (container) => (await chosen('mount', container)).trim(),
  }
}

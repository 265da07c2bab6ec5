import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { until } from '@inventoryrpa/testing'
import type { BuiltImage } from './build-image.ts'
import { confined } from './buildah.ts'

export type Contained = {
  /** Process 1 of the container, seen from outside. */
  pid(): Promise<number>
  lines: string[]
  /** Its exit code, or 128 + the signal's number. */
  exited: Promise<number>
  /** SIGTERM, as an engine sends it. */
  stop(): Promise<number>
  kill(): void
}

/** As a container engine would: only the root's own folders are there, and none can be written to. */
const enter = `
root=$1 user=$2 group=$3 folder=$4; shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o size=64k tmpfs "$root/dev"
for device in null zero random urandom; do
  : > "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs \\
  --bounding-set=-all --inh-caps=-all env --ignore-environment --chdir="$folder" "$@"
`

/** Runs a command in the image as its config says; without one its entry point with `args`. */
export const startContained = (
  { root, config }: BuiltImage,
  options: { args?: string[]; command?: string[]; env?: Record<string, string> },
): Contained => {
  const [user = '', group = user] = config.User.split(':')
  const command = options.command ?? [...config.Entrypoint, ...(options.args ?? config.Cmd)]
  const given = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`)
  const child = spawn(
    'setpriv',
    [
      ...[...confined, 'sh', '-euc', enter, 'enter'],
      ...[root, user, group, config.WorkingDir, ...config.Env, ...given, ...command],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const lines: string[] = []
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => lines.push(line))
  }
  const exited = once(child, 'close').then(([code]) => code as number)
  return {
    lines,
    exited,
    pid: () => firstProcess(child),
    stop: async () => {
      process.kill(await firstProcess(child), 'SIGTERM')
      return exited
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

const firstProcess = ({ pid }: ChildProcess): Promise<number> =>
  until(async () => Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim()), {
    describe: 'the first process of the container',
  })

/** What a command in the image says, and its exit code. */
export const runContained = async (
  image: BuiltImage,
  options: Parameters<typeof startContained>[1],
): Promise<{ code: number; said: string }> => {
  const { exited, lines } = startContained(image, options)
  return { code: await exited, said: lines.join('\n') }
}

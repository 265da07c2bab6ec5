import { spawn } from 'node:child_process'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..', '..', '..')
const main = join(root, 'packages', 'client', 'src', 'command', 'main.ts')

export type Ended = { code: number | null; stdout: string; stderr: string }
export type Running = {
  ended: Promise<Ended>
  stderr(): string
  interrupt(): void
}

export type CommandOptions = {
  env?: Record<string, string>
  cwd?: string
  input?: string | Buffer
  /** Runs it on a terminal of its own; everything it shows is in stdout then. */
  terminal?: boolean
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

/** Starts the command as users do, with nothing of this process's environment. */
export const startCommand = (
  args: readonly string[],
  { env = {}, cwd = root, input, terminal = false }: CommandOptions = {},
): Running => {
  const words = [process.execPath, main, ...args]
  // TERM, since a bar is for terminals that can move the cursor.
  const shared = { cwd, env: { PATH: '/usr/bin:/bin', TERM: 'xterm', ...env } }
  const child = terminal
    ? spawn('script', ['-qec', words.map(quoted).join(' '), '/dev/null'], shared)
    : spawn(words[0] ?? '', words.slice(1), shared)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.on('error', () => undefined)
  if (!terminal) child.stdin.end(input)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return { ended, stderr: () => stderr, interrupt: () => void child.kill('SIGINT') }
}

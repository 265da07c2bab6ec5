import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'

/** What an app's main.ts sends over IPC once it serves. */
export interface ReadyMessage {
  type: 'ready'
  publicUrl?: string
  opsUrl: string
}

export interface AppExit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface AppProcessOptions {
  name: string
  /** Absolute path of the app's main.ts. */
  entry: string
  /** The whole environment of the process. */
  env: Record<string, string | undefined>
  onLog?: (line: string, stream: 'stdout' | 'stderr') => void
  execArgv?: string[]
  /** Milliseconds until an app that does not report ready is killed; default 60,000. */
  readyTimeoutMs?: number
}

export interface AppProcess {
  name: string
  pid: number | undefined
  /** Rejects with the app's last words if it exits, or stays silent for too long, before ready. */
  ready: Promise<ReadyMessage>
  /** Never rejects. */
  exited: Promise<AppExit>
  /** SIGTERM, and SIGKILL when `graceMs` have passed; `killed` says whether it came to that. */
  stop(options: { graceMs: number }): Promise<AppExit & { killed: boolean }>
  kill(signal: NodeJS.Signals): void
  /** Closes the IPC channel, as the end of this process would. */
  disconnect(): void
}

const wordsKept = 30

const compileCache = join(import.meta.dirname, '../../../node_modules/.cache/node-compile')

/**
 * Both apps make much garbage that dies young. A small nursery stays in the processor's cache; a heap
 * that may grow to 256 MB is kept tidy long before it gets there, where the defaults for a machine of
 * this size let it grow as if all of it were free. With one malloc arena they stay under 200 MB.
 * From the second start on the cache spares them the compiler that strips the types.
 */
const frugal = {
  execArgv: ['--max-semi-space-size=8', '--max-old-space-size=256'],
  env: { MALLOC_ARENA_MAX: '1', NODE_COMPILE_CACHE: compileCache },
}

/**
 * Runs an app as a process in a process group of its own, so that Ctrl-C reaches this supervisor
 * alone, which then stops things in order. The app notices by its IPC channel when we are gone.
 */
export function spawnApp(options: AppProcessOptions): AppProcess {
  const { name } = options
  const child = spawn(process.execPath, [...(options.execArgv ?? frugal.execArgv), options.entry], {
    detached: true,
    env: { ...frugal.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const words = collectWords(child, options.onLog)
  const exited = new Promise<AppExit>((resolve) => {
    // Not 'close', which never comes after disconnect(); the streams' own end brings the last words.
    child.once('exit', async (code, signal) => {
      await Promise.allSettled([child.stdout, child.stderr].map((it) => it && finished(it)))
      resolve({ code, signal })
    })
    child.once('error', (error) => {
      words.push(error.message)
      resolve({ code: null, signal: null })
    })
  })
  const ready = readyMessage(child, exited, options.readyTimeoutMs ?? 60_000).catch((reason) => {
    throw new Error(`${name} ${reason.message}${words.length ? `:\n${words.join('\n')}` : ''}`)
  })
  // Whoever only waits for `exited` must not fall over an unhandled rejection.
  ready.catch(() => undefined)
  return {
    name,
    pid: child.pid,
    ready,
    exited,
    async stop({ graceMs }) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      const exit = await exited
      clearTimeout(timer)
      return { ...exit, killed: exit.signal === 'SIGKILL' }
    },
    kill: (signal) => void child.kill(signal),
    disconnect: () => child.disconnect(),
  }
}

function readyMessage(
  child: ChildProcess,
  exited: Promise<AppExit>,
  timeoutMs: number,
): Promise<ReadyMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<ReadyMessage>()
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    reject(new Error(`was not ready after ${timeoutMs / 1000} s`))
  }, timeoutMs)
  child.on('message', (message) => {
    if (isReady(message)) resolve(message)
  })
  exited.then(({ code, signal }) =>
    reject(new Error(`ended before it was ready (${signal ?? `exit code ${code}`})`)),
  )
  return promise.finally(() => clearTimeout(timer))
}

function isReady(message: unknown): message is ReadyMessage {
  return (
    typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready'
  )
}

/** The last lines of stderr, where an app says why it cannot start. */
function collectWords(child: ChildProcess, onLog: AppProcessOptions['onLog']): string[] {
  const words: string[] = []
  for (const stream of ['stdout', 'stderr'] as const) {
    const input = child[stream]
    if (input === null) continue
    createInterface({ input }).on('line', (line) => {
      if (stream === 'stderr') words.push(line)
      if (words.length > wordsKept) words.shift()
      onLog?.(line, stream)
    })
  }
  return words
}

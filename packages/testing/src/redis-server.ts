import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@inventoryrpa/local'
import { endWithThisProcess } from './exit-guard.ts'
import { findRedis, type RedisBinary } from './redis-binary.ts'
import { redisCommand } from './redis-command.ts'

export interface RedisOptions {
  /** Keep an append-only file, so that `restart()` brings the data back. */
  appendOnly?: boolean
  /** Default: a temporary folder, removed by `stop()`. */
  dir?: string
  port?: number
  password?: string
  /** As Redis writes it: '20mb'. Default: unlimited. */
  maxmemory?: string
  /** Further arguments, such as ['--appendfsync', 'always']; they win. */
  args?: string[]
  binary?: RedisBinary
}

export interface Redis {
  url: string
  port: number
  readonly pid: number
  /** Ends it for good and removes its temporary folder. */
  stop(): Promise<void>
  /** Ends it by a signal and resolves once it is gone; `restart()` may follow. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and folder, ending it first if it runs. */
  restart(): Promise<void>
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void
  thaw(): void
  flushAll(): Promise<void>
}

/** Starts a Redis of its own on a free loopback port; it ends with this process at the latest. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const binary = options.binary ?? (await findRedis())
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'inventoryrpa-redis-')))
  const letGoOfDir = options.dir ? undefined : endWithThisProcess({ folder: dir })
  const start = (port: number) => run(binary, { ...options, dir, port })
  let server = await startSomewhere(start, options.port)
  const { port } = server
  const login = options.password ? `:${encodeURIComponent(options.password)}@` : ''
  return {
    url: `redis://${login}127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid
    },
    async stop() {
      await server.end('SIGKILL')
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true, maxRetries: 5 })
      letGoOfDir?.()
    },
    kill: (signal = 'SIGKILL') => server.end(signal),
    async restart() {
      await server.end('SIGKILL')
      server = await start(port)
    },
    freeze: () => server.freeze(),
    thaw: () => server.thaw(),
    async flushAll() {
      await redisCommand({ port, password: options.password }, ['FLUSHALL'])
    },
  }
}

interface Server {
  pid: number
  port: number
  end(signal: NodeJS.Signals): Promise<void>
  freeze(): void
  thaw(): void
}

async function startSomewhere(
  start: (port: number) => Promise<Server>,
  wanted: number | undefined,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(wanted ?? (await freePort()))
    } catch (error) {
      // Another process took the port between asking for a free one and listening on it.
      if (wanted !== undefined || attempt === 10 || !String(error).includes('in use')) throw error
    }
  }
}

async function run(
  binary: RedisBinary,
  options: RedisOptions & { dir: string; port: number },
): Promise<Server> {
  const container = `inventoryrpa-${randomBytes(6).toString('hex')}`
  const child = spawnServer(binary, options, container)
  let output = ''
  const keepOutput = (chunk: Buffer) => {
    output = (output + chunk).slice(-4000)
  }
  child.stdout?.on('data', keepOutput)
  child.stderr?.on('data', keepOutput)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      output += error.message
      resolve()
    })
  })
  const docker = binary.kind === 'docker'
  const removal = docker ? { command: ['docker', 'rm', '-f', container] } : {}
  const letGo = endWithThisProcess({ ...(child.pid && { pid: child.pid }), ...removal })
  ended.then(letGo)
  const send = (signal: NodeJS.Signals) => {
    if (docker) spawnSync('docker', ['kill', '--signal', signal, container])
    else child.kill(signal)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      send(signal)
      // A frozen process handles no signal but SIGKILL.
      if (!docker) send('SIGCONT')
    }
    await ended
  }
  try {
    await answering(options, ended, () => output)
  } catch (error) {
    await end('SIGKILL')
    throw error
  }
  const freeze = () => (docker ? spawnSync('docker', ['pause', container]) : child.kill('SIGSTOP'))
  const thaw = () => (docker ? spawnSync('docker', ['unpause', container]) : child.kill('SIGCONT'))
  return { pid: child.pid as number, port: options.port, end, freeze, thaw }
}

function spawnServer(
  binary: RedisBinary,
  { dir, port, ...options }: RedisOptions & { dir: string; port: number },
  container: string,
): ChildProcess {
  const settings = [
    ...['--save', ''],
    ...['--appendonly', options.appendOnly ? 'yes' : 'no'],
    ...['--maxmemory-policy', 'noeviction'],
    ...(options.maxmemory ? ['--maxmemory', options.maxmemory] : []),
    ...(options.password ? ['--requirepass', options.password] : []),
    ...(options.args ?? []),
  ]
  // Its own process group: Ctrl-C in the terminal is for the tests to handle.
  const spawnOptions = { detached: true, stdio: ['ignore', 'pipe', 'pipe'] as 'pipe'[] }
  if (binary.kind === 'docker') {
    const publish = ['-p', `127.0.0.1:${port}:6379`, '-v', `${dir}:/data`]
    const args = ['run', '--rm', '--name', container, ...publish, binary.image, 'redis-server']
    return spawn('docker', [...args, ...settings], spawnOptions)
  }
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir]
  return spawn(binary.command, [...place, ...settings], {
    ...spawnOptions,
    ...(binary.env && { env: binary.env }),
  })
}

async function answering(
  server: { port: number; password?: string },
  ended: Promise<void>,
  output: () => string,
): Promise<void> {
  let over = false
  ended.then(() => {
    over = true
  })
  const deadline = performance.now() + 60_000
  let problem: unknown
  while (!over && performance.now() < deadline) {
    try {
      await redisCommand(server, ['PING'])
      return
    } catch (error) {
      problem = error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  throw new Error(`Redis did not start: ${over ? output().trim() : problem}`)
}

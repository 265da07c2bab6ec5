import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readOnlineRetailDay } from '@inventoryrpa/local'
import { readOptions } from './options.ts'
import { run } from './run.ts'
import { startServers } from './servers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, '.data/bench')
const at = join(folder, new Date().toISOString().replaceAll(':', '-'))

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

let interrupted = false

try {
  const options = readOptions(process.argv.slice(2))
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const log = createWriteStream(`${at}.log`, { mode: 0o600 })
  await using stack = new AsyncDisposableStack()
  const servers = stack.use(await startServers(at, (name, line) => log.write(`${name}: ${line}\n`)))
  // What was started ends by itself when we do; this also removes its data.
  const stop = async () => {
    interrupted = true
    await stack.disposeAsync().catch(() => undefined)
    process.exit(130)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

  const result = await run(options, {
    servers,
    day: await readOnlineRetailDay(join(root, 'examples/online-retail/2010-12-01.csv')),
    nodeVersion: process.version,
    cores: availableParallelism(),
    cpuSeconds,
    print: console.log,
  })
  await writeFile(`${at}.json`, `${JSON.stringify(result, undefined, 2)}\n`)
  console.log(`\n${relative(root, at)}.json`)
  // A missed target is a figure; a run in which nothing counts is a failure.
  if (result.summary.length === 0) process.exitCode = 1
} catch (error) {
  // What is interrupted fails in many ways, all for one reason.
  if (!interrupted)
    console.error(error instanceof Error && error.cause === undefined ? error.message : error)
  process.exitCode = 1
}

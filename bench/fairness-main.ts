import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readOnlineRetailDay } from '@inventoryrpa/local'
import { type FairnessFigures, type FairnessPlan, measureFairness } from './fairness.ts'
import { startServers } from './servers.ts'
import { median, percentile } from './statistics.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, '.data/bench')
const at = join(folder, `fairness-${new Date().toISOString().replaceAll(':', '-')}`)

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    backend: { type: 'string', default: 'redis' },
    rounds: { type: 'string', default: '2' },
    shared: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
})
const plan: FairnessPlan = {
  backend: values.backend === 'postgres' ? 'postgres' : 'redis',
  largeLines: values.quick ? 200_000 : 1_000_000,
  everyMs: values.quick ? 250 : 1_000,
  unloadedBatches: 30,
  workers: 2,
  ownExpress: !values.shared,
}

const milliseconds = (name: string, took: readonly number[]) =>
  `${name}: p50 ${percentile(took, 50).toFixed(1)} ms, p95 ${percentile(took, 95).toFixed(1)} ms (${took.length} batches)`

await mkdir(folder, { recursive: true, mode: 0o755 })
const log = createWriteStream(`${at}.log`, { mode: 0o600 })
await using servers = await startServers(at, (name, line) => log.write(`${name}: ${line}\n`))
const day = await readOnlineRetailDay(join(root, 'examples/online-retail/2010-12-01.csv'))
console.log(
  `${plan.backend}, ${plan.ownExpress ? 'small chunks in a process of their own, ' : 'all chunks in all workers, '}${plan.largeLines} lines, ${availableParallelism()} cores`,
)

const alone: FairnessFigures[] = []
const shared: FairnessFigures[] = []
for (let round = 1; round <= Number(values.rounds); round += 1) {
  alone.push(await measureFairness(servers, day, plan, { withSmall: false }))
  shared.push(await measureFairness(servers, day, plan, { withSmall: true }))
  const rates = [alone, shared].map((it) => Math.round(it.at(-1)?.linesPerSecond ?? 0))
  console.log(
    `round ${round}: large alone ${rates[0]} lines/s, beside the small ${rates[1]} lines/s`,
  )
}
const unloaded = shared.flatMap((it) => it.unloaded)
const loaded = shared.flatMap((it) => it.loaded)
const rate = (figures: FairnessFigures[]) => median(figures.map((it) => it.linesPerSecond))
const loss = 1 - rate(shared) / rate(alone)
console.log(milliseconds('small, unloaded', unloaded))
console.log(milliseconds('small, loaded', loaded))
console.log(
  `p95, loaded/unloaded: ${(percentile(loaded, 95) / percentile(unloaded, 95)).toFixed(2)} (target: at most 2)`,
)
console.log(`large: ${(100 * loss).toFixed(1)}% slower beside the small (target: less than 5%)`)
await writeFile(`${at}.json`, `${JSON.stringify({ plan, alone, shared }, undefined, 2)}\n`)
console.log(`${relative(root, at)}.json`)

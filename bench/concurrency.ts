import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readOnlineRetailDay } from '@inventoryrpa/local'
import { drain } from './drain.ts'
import { createLoad } from './load.ts'
import { startServers } from './servers.ts'
import { median } from './statistics.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, '.data/bench')
const at = join(folder, `concurrency-${new Date().toISOString().replaceAll(':', '-')}`)

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: { rounds: { type: 'string', default: '3' }, only: { type: 'string' } },
})
const rounds = Number(values.rounds)

/** `--rounds <n>`, `--only near|far`. One worker and a backlog of lines; a fixed concurrency beside the one that it finds. */
const cases = [
  {
    name: 'near PostgreSQL, one tenant',
    latencyMs: 0,
    tenants: 1,
    bodies: 400,
    linesPerBody: 1_000,
  },
  {
    name: 'PostgreSQL 20 ms away, 200 tenants',
    latencyMs: 20,
    tenants: 200,
    bodies: 1_000,
    linesPerBody: 100,
  },
].filter(({ latencyMs }) => !values.only || (values.only === 'far') === latencyMs > 0)
const contestants = ['1', '1-4', '4']

await mkdir(folder, { recursive: true, mode: 0o755 })
const log = createWriteStream(`${at}.log`, { mode: 0o600 })
await using servers = await startServers(at, (name, line) => log.write(`${name}: ${line}\n`))
const day = await readOnlineRetailDay(join(root, 'examples/online-retail/2010-12-01.csv'))

const results = []
console.log(`${availableParallelism()} cores, Node ${process.version}, medians of ${rounds} rounds`)
for (const { name, latencyMs, tenants, linesPerBody, bodies } of cases) {
  const { bodies: load } = createLoad(day, { bodies, linesPerBody })
  const rates = new Map<string, number[]>(contestants.map((it) => [it, []]))
  for (let round = 1; round <= rounds; round += 1) {
    for (const concurrency of contestants) {
      await using stand = await servers.openStand()
      const drained = await drain(stand, { concurrency, latencyMs, tenants, bodies: load }).catch(
        (error: Error) => console.log(`${name}, ${concurrency} in hand: VOID: ${error.message}`),
      )
      if (!drained) continue
      results.push({ name, round, concurrency, ...drained })
      rates.get(concurrency)?.push(drained.linesPerSecond)
      console.log(
        `${name}, ${concurrency} in hand: ${Math.round(drained.linesPerSecond)} lines/s, ` +
          `${drained.meanConcurrency.toFixed(2)} on average (${drained.concurrencies.join(' ')})`,
      )
    }
  }
  if (rates.get('1')?.length === 0) continue
  const fixed = median(rates.get('1') ?? [])
  for (const [concurrency, of] of rates) {
    if (of.length === 0) continue
    const change = ((median(of) / fixed - 1) * 100).toFixed(0)
    console.log(`  ${concurrency}: ${Math.round(median(of))} lines/s, ${change}% against 1`)
  }
}
await writeFile(`${at}.json`, `${JSON.stringify(results, undefined, 2)}\n`)
console.log(`\n${relative(root, at)}.json`)

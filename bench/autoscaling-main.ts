import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readOnlineRetailDay } from '@inventoryrpa/local'
import { findFlaps, formatChart, formatTable } from './autoscaling/curve.ts'
import { readAutoscalers } from './autoscaling/manifests.ts'
import { simulate } from './autoscaling/simulate.ts'
import { startServers } from './servers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, '.data/bench')

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: {
    only: { type: 'string' },
    lines: { type: 'string', default: '1000000' },
    speed: { type: 'string', default: '10' },
  },
})
const kinds = (['hpa', 'keda'] as const).filter((kind) => !values.only || values.only === kind)

await mkdir(folder, { recursive: true, mode: 0o755 })
const shipped = await readAutoscalers(root)
const day = await readOnlineRetailDay(join(root, 'examples/online-retail/2010-12-01.csv'))
for (const kind of kinds) {
  const at = join(folder, `autoscaling-${kind}-${new Date().toISOString().replaceAll(':', '-')}`)
  const log = createWriteStream(`${at}.log`, { mode: 0o600 })
  await using servers = await startServers(at, (name, line) => log.write(`${name}: ${line}\n`))
  await using stand = await servers.openStand()
  const autoscaler = shipped[kind]
  const { maxReplicas } = autoscaler.bounds
  // As if each of the workers had a core of its own.
  const coresPerCore = maxReplicas / availableParallelism()
  const options = {
    autoscaler,
    graceSeconds: shipped.graceSeconds,
    scrapeSeconds: shipped.scrapeSeconds,
    lines: Number(values.lines),
    speed: Number(values.speed),
    linesPerLine: 1_000_000 / Number(values.lines),
    coresPerCore,
    atMostSeconds: 3_600,
  }
  const { looks, stops, pendingAtStops, faults, ...figures } = await simulate(stand, day, options)
  await writeFile(
    `${at}.json`,
    `${JSON.stringify({ options, ...figures, pendingAtStops, stops, faults, looks }, undefined, 2)}\n`,
  )
  const window = autoscaler.behavior.scaleDown.stabilizationWindowSeconds
  const flaps = findFlaps(looks, window)
  const most = Math.max(...looks.map(({ next }) => next))
  const reads = kind === 'hpa' ? 'CPU of the request' : 'due lines, oldest age s'
  const busy = stops.filter(({ linesFinished }) => linesFinished > 0).length
  const unclean = stops.filter(({ code }) => code !== 0)
  console.log(
    `\n${kind}: ${figures.submittedLines} lines, a second here is ${values.speed} of the cluster\n`,
  )
  console.log(formatTable(looks, reads))
  console.log(`\n${formatChart(looks, kind)}\n`)
  console.log(`backlog gone after ${figures.drainSeconds.toFixed(1)} s of this machine`)
  console.log(
    `${stops.length} workers stopped, ${busy} with chunks in hand that they finished, ${unclean.length} not with exit code 0`,
  )
  const failures = [
    ...(most < maxReplicas ? [`at most ${most} replicas`] : []),
    ...flaps.map((flap) => `flapped: ${flap}`),
    ...unclean.map((stop) => `not ended well: ${JSON.stringify(stop)}`),
    ...faults,
  ]
  for (const failure of failures) console.error(`FAULT ${failure}`)
  if (failures.length === 0) console.log('every line once, no flapping')
  else process.exitCode = 1
  console.log(`${relative(root, at)}.json`)
}
